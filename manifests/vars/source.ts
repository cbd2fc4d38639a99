import { didYouMean } from '../../common/suggest.ts';
import { InvalidManifest } from '../fault.ts';
import { isMap, type YamlMap, type YamlValue } from '../value.ts';
import { readYaml, type YamlDocument } from '../yaml.ts';

/** What is asked for: a name alone, or with what `variables:` says about it. */
export interface VariableRequest {
  name: string;
  /** Null: nothing says how to make it. */
  type: string | null;
  options: YamlMap;
}

/** Something that has values for names. The first source that has one wins. */
export interface VariableSource {
  /** Undefined: it has none, and can't or won't make one. */
  get(request: VariableRequest): Promise<YamlValue | undefined>;
  /** All that it has, for --var-errs-unused. */
  names(): Promise<string[]>;
}

/** Values that are given, not made. Names with dots (`db.password`) fill maps. */
export function staticVariables(values: Readonly<Record<string, YamlValue>>): VariableSource {
  const nested = nest(values);
  return {
    get: ({ name }) => Promise.resolve(Object.hasOwn(nested, name) ? nested[name] : undefined),
    names: () => Promise.resolve(Object.keys(nested)),
  };
}

function nest(values: Readonly<Record<string, YamlValue>>): YamlMap {
  const nested: YamlMap = {};
  for (const [name, value] of Object.entries(values)) {
    const keys = name.split('.');
    const last = keys.pop() ?? name;
    let map = nested;
    for (const key of keys) {
      const next = map[key];
      map = isMap(next) ? next : (map[key] = {});
    }
    map[last] = value;
  }
  return nested;
}

/** What the command line gives, each in its order; a later one of a kind replaces an earlier one. */
export interface VariableFlags {
  /** `--var NAME=VALUE` */
  vars: readonly string[];
  /** `--var-file NAME=PATH`, read already. */
  varFiles: readonly { name: string; content: string }[];
  /** `--vars-file PATH`, read already. */
  varsFiles: readonly YamlDocument[];
  /** `--vars-env PREFIX` */
  varsEnvs: readonly string[];
}

/**
 * The values of all flags as one: --var wins over --var-file, that over --vars-file, that over --vars-env.
 * @throws InvalidManifest `variables-invalid`
 */
export function variablesOf(flags: VariableFlags, env: Readonly<Record<string, string | undefined>>): YamlMap {
  const values: YamlMap = {};
  for (const prefix of flags.varsEnvs) Object.assign(values, varsFromEnv(prefix, env));
  for (const document of flags.varsFiles) Object.assign(values, varsFromFile(document));
  for (const { name, content } of flags.varFiles) values[name] = content;
  for (const text of flags.vars) {
    const { name, value } = parseVar(text);
    values[name] = value;
  }
  return values;
}

function invalid(flag: string, message: string): InvalidManifest {
  return new InvalidManifest(flag, [{ path: '', message }], { code: 'variables-invalid' });
}

/** `NAME=VALUE`. The value is YAML, but a text keeps its line breaks, and loses quotes around the whole of it. */
export function parseVar(text: string): { name: string; value: YamlValue } {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(equals, 0));
  const written = text.slice(equals + 1);
  // The value is no part of the message: it may be a secret.
  if (equals === -1) throw invalid('--var', 'it must look like NAME=VALUE, and has no "="');
  if (name === '' || written === '')
    throw invalid('--var', `the ${name === '' ? 'name' : `value of "${name}"`} is empty`);
  const { value } = readYaml(written, `--var ${name}`);
  return { name, value: typeof value === 'string' ? unquoted(written) : value };
}

function unquoted(text: string): string {
  const [first] = text;
  const quoted = (first === '"' || first === "'") && text.endsWith(first) && text.length > 1;
  return quoted ? text.slice(1, -1) : text;
}

export function varsFromEnv(prefix: string, env: Readonly<Record<string, string | undefined>>): YamlMap {
  if (prefix === '') throw invalid('--vars-env', 'the prefix is empty');
  const values: YamlMap = {};
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(`${prefix}_`) || text === undefined) continue;
    values[name.slice(prefix.length + 1)] = readYaml(text, name).value;
  }
  return values;
}

function varsFromFile({ value }: YamlDocument): YamlMap {
  if (value === null) return {};
  if (isMap(value)) return value;
  throw invalid('--vars-file', 'it must hold a map of names and values');
}

/** For "expected to find": the nearest name that there is. */
export function nearestVariable(name: string, known: readonly string[]): { suggestion?: string } {
  return didYouMean(name, known);
}
