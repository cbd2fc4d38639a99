import type { YamlValue } from '../manifests/value.ts';
import { readYaml } from '../manifests/yaml.ts';

/** A document with typed values, as Ruby reads them: defaults of properties are data. @throws InvalidManifest */
export function readSpecDocument(text: string): YamlValue {
  return readYaml(text, 'spec').value;
}
