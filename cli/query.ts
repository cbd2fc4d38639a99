/** A path with those parameters that have a value, in the order of their names. */
export function withQuery(path: string, parameters: Readonly<Record<string, string | boolean | undefined>>): string {
  const given = Object.entries(parameters).filter(
    ([, value]) => value !== undefined && value !== false && value !== '',
  );
  const query = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]));
  query.sort();
  return given.length === 0 ? path : `${path}?${query.toString()}`;
}
