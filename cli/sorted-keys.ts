import { isMap, type YamlValue } from '../manifests/value.ts';
import { copyNumerals } from '../manifests/yaml/numerals.ts';

/**
 * A copy whose maps have their keys in the order in which Go's yaml writes them, letters after all else and numbers by
 * their value. Documents that both CLIs upload in turn then stay the same text, and make no new version of a config.
 */
export function withSortedKeys(value: YamlValue): YamlValue {
  if (Array.isArray(value)) {
    const list = value.map(withSortedKeys);
    copyNumerals(value, list);
    return list;
  }
  if (!isMap(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => compareKeys(a, b));
  const map = Object.fromEntries(entries.map(([key, item]) => [key, withSortedKeys(item)]));
  copyNumerals(value, map);
  return map;
}

export function compareKeys(a: string, b: string): number {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at++;
  const [charA, charB] = [a.slice(at, at + 1), b.slice(at, at + 1)];
  if (charA === '' || charB === '') return a.length - b.length;
  const [letterA, letterB] = [/\p{L}/u.test(charA), /\p{L}/u.test(charB)];
  if (letterA !== letterB) return letterA ? 1 : -1;
  const [numberA, numberB] = [/^\d+/.exec(a.slice(at))?.[0], /^\d+/.exec(b.slice(at))?.[0]];
  if (numberA !== undefined && numberB !== undefined) {
    const byValue = Number(numberA) - Number(numberB) || numberA.length - numberB.length;
    if (byValue !== 0) return byValue;
  }
  return charA < charB ? -1 : 1;
}
