import type { YamlMap, YamlValue } from '../value.ts';

/**
 * How the floats of a document were written, where JavaScript would forget it: `1.0` is the number 1, and a release
 * of version 1.0 is not one of version 1. Kept beside the values, so that these stay plain numbers. A container that
 * is copied takes its numerals along by `copyNumerals`.
 */
const written = new WeakMap<object, Map<string | number, string>>();

export function rememberNumeral(container: YamlMap | YamlValue[], key: string | number, numeral: string): void {
  let numerals = written.get(container);
  if (numerals === undefined) written.set(container, (numerals = new Map()));
  numerals.set(key, numeral);
}

/** The number as its author wrote it; undefined when it says the same as the number itself, or is another by now. */
export function numeralOf(container: YamlMap | YamlValue[], key: string | number): string | undefined {
  const numeral = written.get(container)?.get(key);
  if (numeral === undefined) return undefined;
  const value = Array.isArray(container) ? container[Number(key)] : container[String(key)];
  return Number(numeral.replace(/[_,]/g, '')) === value ? numeral : undefined;
}

export function copyNumerals(from: YamlMap | YamlValue[], to: YamlMap | YamlValue[]): void {
  const numerals = written.get(from);
  if (numerals !== undefined) written.set(to, new Map(numerals));
}
