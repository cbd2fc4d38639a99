import type { Fault } from '../../common/errors.ts';
import { didYouMean } from '../../common/suggest.ts';

/** What of JSON Schema the vocabulary uses. */
export interface Schema {
  type?: string;
  const?: string;
  enum?: readonly string[];
  pattern?: string;
  /** What `pattern` means, in words. */
  shape?: string;
  minLength?: number;
  minimum?: number;
  maximum?: number;
  format?: string;
  secret?: boolean;
  default?: unknown;
  description?: string;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  items?: Schema;
  anyOf?: readonly Schema[];
}

export interface ReadOptions {
  /** Of paths as they were written; the default of a path is left to the caller. */
  resolvePath: (path: string) => string;
  env: Readonly<Record<string, string | undefined>>;
  faults: Fault[];
}

/**
 * The value that the file means: defaults filled in, keys in camelCase, paths resolved, secrets fetched. Every fault is
 * noted and none thrown; with faults the value is not to be used.
 */
export function readSection(schema: Schema, value: unknown, path: string, options: ReadOptions): unknown {
  if (schema.anyOf !== undefined) return readAlternative(schema.anyOf, value, path, options);
  switch (schema.type) {
    case 'object':
      return readObject(schema, value, path, options);
    case 'array':
      return readArray(schema, value, path, options);
    default:
      return readScalar(schema, value, path, options);
  }
}

function readObject(schema: Schema, value: unknown, path: string, options: ReadOptions): unknown {
  const given = value ?? {};
  if (!isMap(given)) return fault(options, path, `must be a map, not ${show(given)}`);
  const { properties = {}, required = [] } = schema;
  const known = Object.keys(properties);
  for (const key of Object.keys(given)) {
    if (!known.includes(key)) fault(options, join(path, key), 'is not known here', didYouMean(key, known));
  }
  const read: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(properties)) {
    const at = join(path, key);
    const own = given[key] ?? inner.default;
    const hasDefaults = inner.type === 'object' || inner.anyOf !== undefined;
    if (own === undefined && !hasDefaults) {
      if (required.includes(key)) fault(options, at, `is missing: ${inner.description ?? ''}`);
      continue;
    }
    read[camelCase(key)] = readSection(inner, own, at, options);
  }
  return read;
}

/** The alternatives are told apart by their `kind`; without one it is the first. */
function readAlternative(branches: readonly Schema[], value: unknown, path: string, options: ReadOptions): unknown {
  const given = value ?? {};
  if (!isMap(given)) return fault(options, path, `must be a map, not ${show(given)}`);
  const kinds = branches.map((branch) => branch.properties?.['kind']?.const ?? '');
  const kind = given['kind'] ?? kinds[0];
  const branch = branches[kinds.indexOf(typeof kind === 'string' ? kind : '')];
  if (branch !== undefined) return readObject(branch, { ...given, kind }, path, options);
  const suggestion = typeof kind === 'string' ? didYouMean(kind, kinds) : {};
  return fault(options, join(path, 'kind'), `must be ${kinds.join(' or ')}, not ${show(kind)}`, suggestion);
}

function readArray({ items = {} }: Schema, value: unknown, path: string, options: ReadOptions): unknown {
  if (!Array.isArray(value)) return fault(options, path, `must be a list, not ${show(value)}`);
  return value.map((item, index) => readSection(items, item, join(path, String(index)), options));
}

function readScalar(schema: Schema, value: unknown, path: string, options: ReadOptions): unknown {
  if (schema.secret === true) return readSecret(value, path, options);
  const wrong = wrongScalar(schema, value);
  if (wrong !== undefined) return fault(options, path, wrong.message, wrong);
  return schema.format === 'path' ? options.resolvePath(value as string) : value; // wrongScalar saw to its being text
}

function wrongScalar(schema: Schema, value: unknown): { message: string; suggestion?: string } | undefined {
  if (schema.const !== undefined) return value === schema.const ? undefined : { message: `must be ${schema.const}` };
  if (schema.type === 'boolean') {
    return typeof value === 'boolean' ? undefined : { message: `must be true or false, not ${show(value)}` };
  }
  if (schema.type === 'integer') {
    const { minimum = -Infinity, maximum = Infinity } = schema;
    const fits = typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum;
    return fits ? undefined : { message: `must be a whole number from ${minimum} to ${maximum}, not ${show(value)}` };
  }
  if (typeof value !== 'string') return { message: `must be text, not ${show(value)}` };
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    return {
      message: `must be one of ${schema.enum.join(', ')}, not ${show(value)}`,
      ...didYouMean(value, schema.enum),
    };
  }
  if (value === '') return { message: 'must not be empty' };
  if (schema.pattern === undefined || new RegExp(schema.pattern).test(value)) return undefined;
  return { message: `must be ${schema.shape ?? `like ${schema.pattern}`}, not ${show(value)}` };
}

function readSecret(value: unknown, path: string, options: ReadOptions): unknown {
  if (typeof value === 'string' && value !== '') return value;
  if (!isMap(value) || typeof value['env'] !== 'string' || Object.keys(value).length !== 1) {
    return fault(options, path, 'must be text, or { env: NAME }'); // never what is there: it may be the secret
  }
  const name = value['env'];
  const found = options.env[name];
  if (found !== undefined && found !== '') return found;
  return fault(options, path, `the environment variable ${name} is not set`);
}

function fault({ faults }: ReadOptions, path: string, message: string, more: { suggestion?: string } = {}): undefined {
  faults.push({ path, message, ...(more.suggestion === undefined ? {} : { suggestion: more.suggestion }) });
  return undefined;
}

export function camelCase(key: string): string {
  return key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

const join = (path: string, key: string) => (path === '' ? key : `${path}.${key}`);

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  if (isMap(value)) return 'a map';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string' ? `"${value}"` : String(value);
}
