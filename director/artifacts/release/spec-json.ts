import type { YamlMap, YamlValue } from '../../../manifests/value.ts';

/** A spec as JSON has it: numbers beyond 2^53 lose their last digits there, for every reader of it. */
export function jsonOf(map: YamlMap): Record<string, unknown> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, plain(value)]));
}

function plain(value: YamlValue): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === 'object' && value !== null ? jsonOf(value) : value;
}
