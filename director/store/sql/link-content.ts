import { createHash } from 'node:crypto';

/**
 * Tells whether two links say the same: networks and instances in whatever order. Source: links_manager.rb.
 * Of the text that is stored, not of numbers as they were written: a link that differs in that alone is the same.
 */
export function digestOfContent(content: Readonly<Record<string, unknown>>): string {
  const { networks, instances, ...rest } = content;
  const inOrder = {
    ...rest,
    networks: Array.isArray(networks) ? networks.map(String).sort() : networks,
    instances: Array.isArray(instances) ? instances.map((instance) => JSON.stringify(sorted(instance))).sort() : null,
  };
  return createHash('sha256')
    .update(JSON.stringify(sorted(inOrder)))
    .digest('base64url');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
