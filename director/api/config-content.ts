import { InvalidInput, messageOf, OperatorError } from '../../common/errors.ts';
import { isMap, type YamlMap } from '../../manifests/value.ts';
import { readYaml, writeYaml } from '../../manifests/yaml.ts';
import { numeralOf } from '../../manifests/yaml/numerals.ts';

/** The numbers that BOSH answers: a config's content has another one than a manifest's. */
export type DocumentKind = 'manifest' | 'config';

/** Reads a document that must be a map. @throws OperatorError `manifest-invalid` | `config-invalid`, with the line */
export function readMap(text: string, kind: DocumentKind): YamlMap {
  const code = kind === 'manifest' ? 'manifest-invalid' : 'config-invalid';
  if (text.trim() === '') throw new OperatorError('Manifest should not be empty', { code });
  const value = parse(text, kind, code);
  if (isMap(value)) return value;
  throw new OperatorError(kind === 'manifest' ? 'Manifest should be a hash' : 'YAML hash expected', { code });
}

function parse(text: string, kind: DocumentKind, code: string) {
  try {
    return readYaml(text, kind).value;
  } catch (thrown) {
    if (!(thrown instanceof InvalidInput)) throw thrown;
    throw new OperatorError(messageOf(thrown), {
      code,
      ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
      details: { faults: thrown.faults },
      cause: thrown,
    });
  }
}

/**
 * A runtime config as BOSH keeps it: versions of releases are text, whatever they were written as, so that the text
 * of the config is written anew.
 */
export function normaliseRuntimeConfig(config: YamlMap): string {
  const releases = config['releases'];
  if (!Array.isArray(releases)) return writeYaml(config);
  const asText = releases.map((release) => {
    if (!isMap(release)) return release;
    const version = release['version'];
    if (typeof version !== 'number' && typeof version !== 'bigint') return release;
    return { ...release, version: numeralOf(release, 'version') ?? String(version) };
  });
  return writeYaml({ ...config, releases: asText });
}
