/** A JSON value as Ruby shows it, in texts that BOSH's clients know: `{"group" => "web", "ids" => []}`. */
export function rubyInspect(value: unknown): string {
  if (value === null || value === undefined) return 'nil';
  if (Array.isArray(value)) return `[${value.map(rubyInspect).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const pairs = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)} => ${rubyInspect(inner)}`);
  return `{${pairs.join(', ')}}`;
}
