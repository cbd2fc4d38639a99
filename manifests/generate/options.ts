import { didYouMean } from '../../common/suggest.ts';
import type { YamlMap } from '../value.ts';

/** An option that can't be followed. */
export class OptionError extends Error {}

export function refuseUnknown(options: YamlMap, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const { suggestion } = didYouMean(key, known);
    throw new OptionError(`there is no option "${key}"${suggestion === undefined ? '' : ` (${suggestion})`}`);
  }
}

export function textOption(options: YamlMap, key: string): string | null {
  const value = options[key] ?? null;
  if (value === null || typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  throw new OptionError(`option "${key}" must be a text`);
}

export function textsOption(options: YamlMap, key: string): string[] {
  const value = options[key] ?? [];
  const list = typeof value === 'string' ? [value] : value;
  if (Array.isArray(list) && list.every((item) => typeof item === 'string')) return list;
  throw new OptionError(`option "${key}" must be a list of texts`);
}

export function numberOption(options: YamlMap, key: string, limits: { min: number; max: number }): number | null {
  const value = options[key] ?? null;
  if (value === null || value === 0) return null; // 0 is "as usual" to the bosh CLI
  if (typeof value === 'number' && Number.isInteger(value) && value >= limits.min && value <= limits.max) return value;
  throw new OptionError(`option "${key}" must be a whole number from ${limits.min} to ${limits.max}`);
}

export function booleanOption(options: YamlMap, key: string): boolean {
  const value = options[key] ?? false;
  if (typeof value === 'boolean') return value;
  throw new OptionError(`option "${key}" must be true or false`);
}
