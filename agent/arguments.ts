import { InvalidInput } from '../common/errors.ts';
import { isRecord } from './shape.ts';

/** Arguments of a method, by position, checked where they come off the wire. */
export function textArgument(args: readonly unknown[], at: number, name: string): string {
  const value = args[at];
  if (typeof value === 'string' && value !== '') return value;
  throw wrong(name, 'a text', value);
}

export function numberArgument(args: readonly unknown[], at: number, name: string): number {
  const value = args[at];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw wrong(name, 'a number', value);
}

export function recordArgument(args: readonly unknown[], at: number, name: string): Record<string, unknown> {
  const value = args[at];
  if (isRecord(value)) return value;
  throw wrong(name, 'an object', value);
}

/** Absent and null: empty. */
export function textsArgument(args: readonly unknown[], at: number, name: string): string[] {
  const value = args[at] ?? [];
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value;
  throw wrong(name, 'a list of texts', value);
}

export function textField(record: Record<string, unknown>, name: string): string {
  const value = record[name];
  if (typeof value === 'string' && value !== '') return value;
  throw wrong(name, 'a text', value);
}

function wrong(path: string, wanted: string, value: unknown): InvalidInput {
  const found = value === null || value === undefined ? 'nothing' : Array.isArray(value) ? 'a list' : typeof value;
  return new InvalidInput('arguments', [{ path, message: `expected ${wanted}, found ${found}` }]);
}
