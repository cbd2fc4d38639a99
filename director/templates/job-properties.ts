import { InvalidInput, type Fault } from '../../common/errors.ts';
import { isMap, type YamlMap, type YamlValue } from '../../manifests/value.ts';
import { copyNumerals, numeralOf, rememberNumeral } from '../../manifests/yaml/numerals.ts';

/** The `properties` of a job's spec, by dotted path, in its order. A JobSpec of releases/ has them so. */
export type PropertyDefinitions = ReadonlyMap<string, { readonly default?: YamlValue }>;

/**
 * What `p` sees in the templates of one job: the properties that its spec declares and no others, each from the manifest
 * or, where that has none or null, from the spec's default. A declared property without either is null. Nothing is
 * merged below a declared path, and maps are in the order of their keys, so that the order in a manifest changes no file.
 * @param provided what the manifest has under `properties` of the job
 * @throws InvalidInput `job-properties-invalid` with every path that meets a value where it needs a map
 */
export function jobProperties(job: string, definitions: PropertyDefinitions, provided: YamlValue): YamlMap {
  const bound: YamlMap = {};
  const faults: Fault[] = [];
  for (const [path, definition] of definitions) {
    const keys = path.split('.');
    const found = lookUp(provided, keys);
    const fault = 'fault' in found ? found.fault : place(bound, keys, found.at ?? defaultOf(definition));
    if (fault !== undefined) {
      faults.push({ path: `properties.${path}`, message: `property '${path}' expects a hash, but received ${fault}` });
    }
  }
  if (faults.length === 0) return bound;
  throw new InvalidInput(`job ${job}`, faults, {
    code: 'job-properties-invalid',
    hint: `The spec of job ${job} declares these paths with something below them; write a map there.`,
  });
}

/** A value where it stands, because how a float was written is remembered by its place. */
interface Place {
  readonly container: YamlMap;
  readonly key: string;
}

function lookUp(provided: YamlValue, keys: readonly string[]): { at?: Place } | { fault: string } {
  let at: YamlValue = provided ?? {};
  let place: Place | undefined;
  for (const key of keys) {
    if (!isMap(at)) return { fault: nameOf(at) };
    const below: YamlValue | undefined = Object.hasOwn(at, key) ? at[key] : undefined;
    if (below === undefined || below === null) return {};
    place = { container: at, key };
    at = below;
  }
  return place === undefined ? {} : { at: place };
}

function defaultOf(definition: { readonly default?: YamlValue }): Place | undefined {
  const { default: value } = definition;
  // A definition is such a map, whatever else it may hold.
  return value === undefined || value === null ? undefined : { container: definition as YamlMap, key: 'default' };
}

/** Puts a value at its path. One path may lie within another's value: then it is added there. */
function place(bound: YamlMap, keys: readonly string[], from: Place | undefined): string | undefined {
  let at = bound;
  for (const key of keys.slice(0, -1)) {
    // `false` counts as nothing here: Ruby's ||= takes it so.
    const below = (Object.hasOwn(at, key) ? at[key] : null) || {};
    if (!isMap(below)) return nameOf(below);
    set(at, key, below);
    at = below;
  }
  const last = keys.at(-1) ?? '';
  set(at, last, sorted(from?.container[from.key] ?? null));
  const numeral = from && numeralOf(from.container, from.key);
  if (numeral !== undefined) rememberNumeral(at, last, numeral);
  return undefined;
}

/** Also for a key like `__proto__`, which plain assignment would take for something else. */
function set(at: YamlMap, key: string, value: YamlValue): void {
  Object.defineProperty(at, key, { value, enumerable: true, configurable: true, writable: true });
}

/** A copy with maps in order; lists and what is in them stay as they are, as in BOSH. */
function sorted(value: YamlValue): YamlValue {
  if (!isMap(value)) return value;
  const copy: YamlMap = {};
  for (const key of Object.keys(value).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
    set(copy, key, sorted(value[key] ?? null));
  }
  copyNumerals(value, copy);
  return copy;
}

function nameOf(value: Exclude<YamlValue, YamlMap>): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string' ? 'a string' : `${value}`;
}
