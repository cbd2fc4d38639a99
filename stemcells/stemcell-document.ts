import { InvalidManifest } from '../manifests/fault.ts';
import { isMap, type YamlValue } from '../manifests/value.ts';
import { readYaml } from '../manifests/yaml.ts';
import { numeralOf } from '../manifests/yaml/numerals.ts';
import { InvalidStemcell } from './stemcell-manifest.ts';

/**
 * stemcell.MF as data, its version as it is written: `version: 1.10` is not 1.1.
 * @throws InvalidStemcell when it is no YAML
 */
export function readStemcellDocument(text: string, what: string): YamlValue {
  const document = read(text, what);
  if (!isMap(document)) return document;
  const version = numeralOf(document, 'version');
  return version === undefined ? document : { ...document, version };
}

function read(text: string, what: string): YamlValue {
  try {
    return readYaml(text, what).value;
  } catch (thrown) {
    if (thrown instanceof InvalidManifest) throw new InvalidStemcell(what, thrown.faults);
    throw thrown;
  }
}
