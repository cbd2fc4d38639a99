import { numeralOf } from '../../manifests/yaml/numerals.ts';
import type { YamlMap, YamlValue } from '../../manifests/value.ts';

/**
 * JSON for Ruby, which tells 1.0 from 1 and reads integers of any size: `JSON.stringify` would lose both. What a manifest
 * wrote as a float stays one, and what templates print of it is what they print in BOSH. `undefined` in a map is left out.
 * Ruby's side reads it with `allow_nan`.
 */
export function rubyJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'number':
      return Number.isFinite(value) ? JSON.stringify(value) : String(value);
    case 'bigint':
      return value.toString();
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? list(value) : map(value);
    default:
      throw new TypeError(`no template can be given a ${typeof value}`);
  }
}

function list(values: readonly unknown[]): string {
  return `[${values.map((value, at) => member(values, at, value)).join(',')}]`;
}

function map(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`no template can be given a ${value.constructor.name}`);
  }
  const members = Object.entries(value)
    .filter(([, below]) => below !== undefined)
    .map(([key, below]) => `${JSON.stringify(key)}:${member(value, key, below)}`);
  return `{${members.join(',')}}`;
}

function member(container: object, key: string | number, value: unknown): string {
  if (typeof value !== 'number' || !Number.isInteger(value)) return rubyJson(value);
  const numeral = numeralOf(container as YamlMap | YamlValue[], key); // it only looks up who remembers one for it
  if (numeral === undefined) return rubyJson(value);
  const text = Object.is(value, -0) ? '-0' : JSON.stringify(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
