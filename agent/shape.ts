/** Looking into JSON that others wrote. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The text at a path of keys; undefined when anything on the way is something else. */
export function textAt(value: unknown, ...path: string[]): string | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

export function textsAt(value: unknown, ...path: string[]): string[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found.filter((entry) => typeof entry === 'string') : [];
}

export function valueAt(value: unknown, ...path: string[]): unknown {
  let at = value;
  for (const key of path) at = isRecord(at) ? at[key] : undefined;
  return at;
}
