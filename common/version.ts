/**
 * Release and stemcell versions, "semi-semantic": `release[-pre][+post]`, each a list of components between dots.
 * Not semver: any number of components, and a post-release part that counts (`1+dev.2` is newer than `1`).
 * Source: bosh-common's semi_semantic, https://github.com/pivotal-cf-experimental/semi_semantic
 */
export interface Version {
  readonly text: string;
  readonly release: readonly Component[];
  readonly pre: readonly Component[] | null;
  readonly post: readonly Component[] | null;
}

type Component = number | string;

/** `X.N-dev`, the old way to write a dev version, reads as `X+dev.N`. Undefined: not a version. */
export function parseVersion(text: string): Version | undefined {
  const normal = text.replace(/^(.+)\.(\d+)-dev$/, '$1+dev.$2');
  const match = /^([0-9A-Za-z_.]+)(?:-([0-9A-Za-z_\-.]+))?(?:\+([0-9A-Za-z_\-.]+))?$/.exec(normal);
  if (match === null) return undefined;
  const [, release = '', pre, post] = match;
  const parts = [release, pre, post].map((part) => (part === undefined ? null : components(part)));
  const [releaseParts, preParts, postParts] = parts;
  if (parts.some((part) => part?.length === 0) || !releaseParts) return undefined;
  return { text: normal, release: releaseParts, pre: preParts ?? null, post: postParts ?? null };
}

/** A component of digits only is a number; an empty one makes the whole thing no version. */
function components(text: string): Component[] {
  const parts = text.split('.');
  if (parts.includes('')) return [];
  return parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** Negative: a is older. Versions that cannot be read sort before all others, by text. */
export function compareVersions(a: string, b: string): number {
  const va = parseVersion(a);
  const vb = parseVersion(b);
  if (va === undefined || vb === undefined) {
    if (va === vb) return a < b ? -1 : a > b ? 1 : 0;
    return va === undefined ? -1 : 1;
  }
  return (
    compareParts(va.release, vb.release) ||
    comparePresence(va.pre, vb.pre, -1) || // a pre-release comes before its release
    comparePresence(va.post, vb.post, 1) // a post-release after it
  );
}

function comparePresence(a: readonly Component[] | null, b: readonly Component[] | null, present: 1 | -1): number {
  if (a === null) return b === null ? 0 : -present;
  if (b === null) return present;
  return compareParts(a, b);
}

/** Component by component; what one list has in excess counts only when it is not all zeroes (1.0 is 1). */
function compareParts(a: readonly Component[], b: readonly Component[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = compareComponents(a[i], b[i]);
    if (order !== 0) return order;
  }
  return 0;
}

function compareComponents(a: Component | undefined, b: Component | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return b === 0 ? 0 : -1;
  if (b === undefined) return a === 0 ? 0 : 1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'number') return -1; // a number is older than a word
  if (typeof b === 'number') return 1;
  return a < b ? -1 : 1;
}

export function latestOf(versions: Iterable<string>): string | undefined {
  let latest: string | undefined;
  for (const version of versions) if (latest === undefined || compareVersions(version, latest) > 0) latest = version;
  return latest;
}

/**
 * What `version: latest` or `version: 2.latest` means among the versions there are; any other text means itself.
 * Undefined: none fits.
 */
export function resolveVersion(wanted: string, available: readonly string[]): string | undefined {
  if (wanted === 'latest') return latestOf(available);
  const prefix = /^(.+)\.latest$/.exec(wanted)?.[1];
  if (prefix === undefined) return available.find((version) => compareVersions(version, wanted) === 0);
  return latestOf(
    available.filter((v) => v === prefix || /^[.\-+]/.test(v.startsWith(prefix) ? v.slice(prefix.length) : '')),
  );
}
