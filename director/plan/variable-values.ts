import { InvalidInput, type Fault } from '../../common/errors.ts';
import { fillIn, findPlaceholders, isWhole } from '../../manifests/placeholders.ts';
import { isMap, type YamlValue } from '../../manifests/value.ts';

/** What is made with no set has no placeholders: nothing of it is looked up. */
export type SetId = number | null;

/** What placeholders stand for, in what is wanted. */
export interface Variables {
  values: VariableValues;
  set: SetId;
}

/** Where something is, in the words of the document, for faults. */
export type Place = string;

/**
 * The values of a deployment's variables, in each set that something of it was made with. Filled by deploy/variables
 * before anything is planned; from then on only read.
 */
export class VariableValues {
  readonly #prefix: string;
  readonly #bySet = new Map<SetId, Map<string, YamlValue>>();
  /** Why a value is not here, where it is known. */
  readonly #missing = new Map<string, string>();

  /** @param prefix of relative names: `/director/deployment` */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  add(set: SetId, name: string, value: YamlValue): void {
    const values = this.#bySet.get(set) ?? new Map<string, YamlValue>();
    this.#bySet.set(set, values.set(name, value));
  }

  has(set: SetId, name: string): boolean {
    return this.#bySet.get(set)?.has(name) === true;
  }

  miss(set: SetId, name: string, why: string): void {
    this.#missing.set(`${set} ${name}`, why);
  }

  valueOf(set: SetId, name: string): { value: YamlValue } | { why: string } {
    const value = this.#bySet.get(set)?.get(name);
    if (value !== undefined) return { value };
    return { why: this.#why(set, name) };
  }

  /** Every text that some value has, to be kept out of outputs. */
  texts(): Set<string> {
    const texts = new Set<string>();
    for (const values of this.#bySet.values()) for (const value of values.values()) addTexts(value, texts);
    return texts;
  }

  /** Full names of the variables that a value asks for. What can be no name is told when it is filled in. */
  namesIn(value: YamlValue): Set<string> {
    return new Set(this.#find(value).placeholders.map(({ variable }) => variable));
  }

  /** A copy with values instead of placeholders. @throws InvalidInput `variables-missing` with every place */
  fill<T extends YamlValue>(value: T, set: SetId, place: Place): T {
    const filled = this.filled(value, set, place);
    if (filled.faults.length > 0) throw variablesMissing(place, filled.faults);
    return filled.value as T; // a map stays a map
  }

  /** Undefined: some value can't be had any more. */
  tryFill(value: unknown, set: SetId | undefined): unknown {
    const { value: filled, faults } = this.filled(value as YamlValue, set ?? null, ''); // rows hold what documents gave
    return faults.length === 0 ? filled : undefined;
  }

  /** The same for whoever gathers faults. */
  filled(value: YamlValue, set: SetId, place: Place): { value: YamlValue; faults: Fault[] } {
    if (!hasPlaceholders(value)) return { value, faults: [] };
    const { placeholders, faults } = this.#find(value);
    const values = this.#bySet.get(set) ?? new Map<string, YamlValue>();
    const known = placeholders.filter(({ variable }) => values.has(variable));
    const missing = placeholders.filter(({ variable }) => !values.has(variable));
    const result = fillIn(value, known, values);
    const all = [
      ...faults,
      ...missing.map(({ variable, path }) => ({ path: path.join('.'), message: this.#why(set, variable) })),
      ...result.faults,
    ];
    return { value: result.value, faults: all.map((fault) => ({ ...fault, path: joined(place, fault.path) })) };
  }

  #why(set: SetId, name: string): string {
    return this.#missing.get(`${set} ${name}`) ?? notVersioned(name, this.#prefix);
  }

  #find(value: YamlValue) {
    return findPlaceholders(value, { prefix: this.#prefix });
  }
}

function addTexts(value: YamlValue, texts: Set<string>): void {
  if (typeof value === 'string') texts.add(value);
  else if (Array.isArray(value)) for (const item of value) addTexts(item, texts);
  else if (isMap(value)) for (const item of Object.values(value)) addTexts(item, texts);
}

/** Cheaper than finding them. */
export function hasPlaceholders(value: YamlValue): boolean {
  if (typeof value === 'string') return /\(\(.*?\)\)/.test(value);
  if (Array.isArray(value)) return value.some(hasPlaceholders);
  return isMap(value) && Object.entries(value).some(([key, item]) => isWhole(key) || hasPlaceholders(item));
}

export function notVersioned(name: string, prefix: string): string {
  const deployment = prefix.slice(prefix.lastIndexOf('/') + 1);
  return `Expected variable '${name}' to be already versioned in deployment '${deployment}'`;
}

export function variablesMissing(what: string, faults: readonly Fault[]): InvalidInput {
  return new InvalidInput(what, faults, {
    code: 'variables-missing',
    hint:
      'List them under `variables:` of the manifest with how they are made, or give their values to the CLI (--var, ' +
      '--vars-file, --vars-store).',
  });
}

const joined = (place: Place, path: string) => [place, path].filter((part) => part !== '').join('.');

/** For what is made without any. */
export const noVariables: Variables = { values: new VariableValues('/'), set: null };
