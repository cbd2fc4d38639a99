/**
 * What a YAML document holds once it is read. Integers beyond 2^53 are bigints, dates stay text,
 * keys are text whatever they were written as.
 */
export type YamlValue = null | boolean | number | bigint | string | YamlMap | YamlValue[];

export interface YamlMap {
  [key: string]: YamlValue;
}

export function isMap(value: YamlValue | undefined): value is YamlMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
