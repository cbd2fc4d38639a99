// What rows and domain values disagree on.

export const flag = (value: boolean): number => (value ? 1 : 0);
export const unflag = (value: number): boolean => value !== 0;

export const toJson = (value: unknown): string => JSON.stringify(value);
export const fromJson = <T>(text: string): T => JSON.parse(text) as T; // written by toJson, from a T

/**
 * In one statement, which holds the event loop while it is built, compiled and run by SQLite: some milliseconds. It would
 * take 32,766, PostgreSQL 65,535.
 */
const parametersMax = 3_000;

/** Rows in portions that fit one statement each; those of one size are compiled once. */
export function* portions<T extends object>(rows: readonly T[]): Generator<T[]> {
  const columns = Object.keys(rows[0] ?? {}).length;
  const size = Math.max(1, Math.floor(parametersMax / Math.max(1, columns)));
  for (let from = 0; from < rows.length; from += size) yield rows.slice(from, from + size);
}

/** Values for `in (...)`, in portions that fit one statement each. */
export function* valuePortions<T>(values: readonly T[]): Generator<T[]> {
  for (let from = 0; from < values.length; from += parametersMax) yield values.slice(from, from + parametersMax);
}
