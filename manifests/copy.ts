import { isMap, type YamlValue } from './value.ts';
import { setOwn } from './yaml/construct.ts';
import { copyNumerals } from './yaml/numerals.ts';

/** A copy that shares nothing with the value, not even where the value's own parts were shared by aliases. */
export function copyOf<T extends YamlValue>(value: T): T;
export function copyOf(value: YamlValue): YamlValue {
  if (Array.isArray(value)) {
    const list = value.map((item) => copyOf(item));
    copyNumerals(value, list);
    return list;
  }
  if (!isMap(value)) return value;
  const map = {};
  for (const [key, item] of Object.entries(value)) setOwn(map, key, copyOf(item));
  copyNumerals(value, map);
  return map;
}
