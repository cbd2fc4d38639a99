import { isScalar, parseDocument } from 'yaml';
import type { YamlValue } from '../manifests/value.ts';
import { InvalidStemcell } from './stemcell-manifest.ts';

/**
 * stemcell.MF as data, its version as it is written: `version: 1.10` is not 1.1.
 * @throws InvalidStemcell when it is no YAML
 */
export function readStemcellDocument(text: string, what: string): YamlValue {
  const document = parseDocument(text, { version: '1.1', uniqueKeys: false, merge: true });
  if (document.errors.length > 0) {
    throw new InvalidStemcell(
      what,
      document.errors.map(({ message }) => ({ path: '', message })),
    );
  }
  const version: unknown = document.get('version', true);
  if (isScalar(version) && version.source !== undefined) version.value = version.source;
  return document.toJS() as YamlValue; // what YAML's core types make
}
