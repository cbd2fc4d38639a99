import { InvalidInput, type Fault } from '../../common/errors.ts';

/** The `properties` of a job's spec, by dotted path. */
export type PropertyDefinitions = Readonly<Record<string, { readonly default?: unknown } | null>>;
type Properties = Record<string, unknown>;

/**
 * What `p` sees in the templates of one job: the properties that its spec declares and no others, each from the manifest
 * or, where that has none or null, from the spec's default. A declared property without either is null. Nothing is
 * merged below a declared path, and mappings are in the order of their keys, so that the order in a manifest changes no file.
 * @param provided what the manifest has under `properties` of the job
 * @throws InvalidInput `job-properties-invalid` with every path that meets a value where it needs a mapping
 */
export function jobProperties(job: string, definitions: PropertyDefinitions, provided: unknown): Properties {
  const bound: Properties = {};
  const faults: Fault[] = [];
  for (const [path, definition] of Object.entries(definitions)) {
    const keys = path.split('.');
    const found = lookUp(provided, keys);
    const fault = found.fault ?? place(bound, keys, sorted(found.value ?? definition?.default ?? null));
    if (fault !== undefined) {
      faults.push({ path: `properties.${path}`, message: `property '${path}' expects a hash, but received ${fault}` });
    }
  }
  if (faults.length === 0) return bound;
  throw new InvalidInput(`job ${job}`, faults, {
    code: 'job-properties-invalid',
    hint: `The spec of job ${job} declares these paths with something below them; write a mapping there.`,
  });
}

function lookUp(provided: unknown, keys: readonly string[]): { value?: unknown; fault?: string } {
  let at: unknown = provided ?? {};
  for (const key of keys) {
    if (!isMapping(at)) return { fault: nameOf(at) };
    at = Object.hasOwn(at, key) ? at[key] : undefined;
    if (at === undefined || at === null) return {};
  }
  return { value: at };
}

/** Puts a value at its path. One path may lie within another's value: then it is added there. */
function place(bound: Properties, keys: readonly string[], value: unknown): string | undefined {
  let at = bound;
  for (const key of keys.slice(0, -1)) {
    // `false` counts as nothing here: Ruby's ||= takes it so.
    const below = (Object.hasOwn(at, key) ? at[key] : null) || {};
    if (!isMapping(below)) return nameOf(below);
    set(at, key, below);
    at = below;
  }
  set(at, keys.at(-1) ?? '', value);
  return undefined;
}

/** Also for a key like `__proto__`, which plain assignment would take for something else. */
function set(at: Properties, key: string, value: unknown): void {
  Object.defineProperty(at, key, { value, enumerable: true, configurable: true, writable: true });
}

/** A copy with mappings in order; lists and what is in them stay as they are, as in BOSH. */
function sorted(value: unknown): unknown {
  if (!isMapping(value)) return value;
  const copy: Properties = {};
  for (const key of Object.keys(value).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
    set(copy, key, sorted(value[key]));
  }
  return copy;
}

function isMapping(value: unknown): value is Properties {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string' ? 'a string' : `${JSON.stringify(value)}`;
}
