import { InvalidInput, type Fault } from '../../common/errors.ts';
import { isMap, type YamlValue } from '../../manifests/value.ts';

/** Most placeholders that one message lists. */
const shownMax = 20;

/**
 * `((name))` is for a config server, which this director does not have yet: a manifest must come with its values.
 * @throws InvalidInput `config-server-disabled` with every placeholder
 */
export function refusePlaceholders(manifest: YamlValue): void {
  const faults: Fault[] = [];
  const walk = (value: YamlValue, path: Array<string | number>) => {
    if (faults.length >= shownMax) return;
    if (typeof value === 'string') {
      for (const [placeholder] of value.matchAll(/\(\(.*?\)\)/g)) {
        faults.push({ path: path.join('.'), message: `${placeholder} has no value` });
      }
    } else if (Array.isArray(value)) value.forEach((item, i) => walk(item, [...path, i]));
    else if (isMap(value)) {
      for (const [key, item] of Object.entries(value)) {
        walk(key, path);
        walk(item, [...path, key]);
      }
    }
  };
  walk(manifest, []);
  if (faults.length === 0) return;
  const invalid = new InvalidInput('manifest', faults, {
    code: 'config-server-disabled',
    hint: 'Give the values to the CLI: --var NAME=VALUE, --vars-file FILE or --vars-store FILE.',
  });
  invalid.details['boshCode'] = 540009;
  throw invalid;
}
