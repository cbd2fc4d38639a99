import { parse } from 'yaml';
import type { YamlValue } from '../manifests/value.ts';

/** A document with typed values: defaults of properties are data. @throws Error with the place of the fault */
export function readSpecDocument(text: string): YamlValue {
  return parse(text, { version: '1.1', uniqueKeys: false, merge: true, prettyErrors: true }) as YamlValue; // JSON-like by its schema
}
