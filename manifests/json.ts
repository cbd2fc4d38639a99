import { isMap, type YamlMap, type YamlValue } from './value.ts';
import { numeralOf } from './yaml/numerals.ts';

/**
 * A value as JSON with its numbers exact: bigints with all of their digits, and floats as they were written, so that
 * 1.0 stays a float in languages that tell it from 1. JSON.stringify throws at the first and forgets the second.
 * @throws Error for infinity and NaN, which JSON can't write
 */
export function jsonText(value: YamlValue): string {
  return write(value, undefined);
}

function write(value: YamlValue, numeral: string | undefined): string {
  if (Array.isArray(value)) return `[${value.map((item, i) => write(item, numeralOf(value, i))).join(',')}]`;
  if (isMap(value)) return writeMap(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'number') return JSON.stringify(value);
  if (!Number.isFinite(value)) throw new Error(`${value} can't be written as JSON`);
  return numeral !== undefined && /^-?(0|[1-9]\d*)\.\d+$/.test(numeral) ? numeral : JSON.stringify(value);
}

function writeMap(map: YamlMap): string {
  const entries = Object.entries(map).map(
    ([key, item]) => `${JSON.stringify(key)}:${write(item, numeralOf(map, key))}`,
  );
  return `{${entries.join(',')}}`;
}
