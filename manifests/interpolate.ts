import { InvalidManifest, type ManifestFault } from './fault.ts';
import { allPlaceholders, substitute, SubstituteError, variableOf } from './interpolate/substitute.ts';
import { isMap, type YamlMap, type YamlValue } from './value.ts';
import { nearestVariable, type VariableRequest, type VariableSource } from './vars/source.ts';

export interface InterpolateOptions {
  /** In order of priority. */
  sources: readonly VariableSource[];
  /** --var-errs: a placeholder without a value is a fault. */
  expectAll?: boolean;
  /** --var-errs-unused: so is a value without a placeholder. */
  expectUsed?: boolean;
}

/**
 * Fills in placeholders as `bosh interpolate` does. What has no value stays as it is, for the director to fill in.
 * Definitions under `variables:` are made first, in their order, by a source that makes values, and every definition
 * that got a value is taken out of the document.
 * @throws InvalidManifest `interpolation-failed` with every fault
 */
export async function interpolate(document: YamlValue, options: InterpolateOptions): Promise<YamlValue> {
  const definitions = definitionsIn(document);
  const lookup = new Lookup(definitions, options.sources);
  const faults: ManifestFault[] = [];
  for (const { name, type } of definitions.values()) if (type !== null) await lookup.value(name);
  for (const placeholder of new Set(allPlaceholders(document))) await lookup.value(variableOf(placeholder));

  let result: YamlValue = document;
  try {
    result = substitute(document, lookup.known);
  } catch (error) {
    if (!(error instanceof SubstituteError)) throw error;
    faults.push({ path: '', message: error.message });
  }
  for (const { name } of definitions.values()) await lookup.value(name);

  const names = (await Promise.all(options.sources.map((source) => source.names()))).flat();
  if (options.expectAll === true) {
    for (const name of [...lookup.missing].sort()) {
      faults.push({ path: '', message: `variable "${name}" has no value`, ...nearestVariable(name, names) });
    }
  }
  if (options.expectUsed === true) {
    const unused = new Set(names.filter((name) => !lookup.asked.has(name)));
    for (const name of [...unused].sort()) faults.push({ path: '', message: `variable "${name}" is used nowhere` });
  }
  if (faults.length > 0) throw new InvalidManifest('variables', faults, { code: 'interpolation-failed' });
  return withoutDefinitions(result, new Set([...definitions.keys()].filter((name) => lookup.known.has(name))));
}

function definitionsIn(document: YamlValue): Map<string, VariableRequest> {
  const definitions = new Map<string, VariableRequest>();
  const list = isMap(document) ? document['variables'] : undefined;
  for (const item of Array.isArray(list) ? list.filter(isMap) : []) {
    const { name, type, options } = item;
    if (typeof name !== 'string' || definitions.has(name)) continue;
    const hasType = typeof type === 'string' && type !== '';
    definitions.set(name, { name, type: hasType ? type : null, options: isMap(options) ? options : {} });
  }
  return definitions;
}

/** Asks each variable once. The options of a definition may hold placeholders themselves. */
class Lookup {
  readonly known = new Map<string, YamlValue>();
  readonly missing = new Set<string>();
  readonly asked = new Set<string>();
  readonly #definitions: ReadonlyMap<string, VariableRequest>;
  readonly #sources: readonly VariableSource[];

  constructor(definitions: ReadonlyMap<string, VariableRequest>, sources: readonly VariableSource[]) {
    this.#definitions = definitions;
    this.#sources = sources;
  }

  /** @param within the definitions whose options are being filled in */
  async value(name: string, within: readonly string[] = []): Promise<void> {
    if (within.includes(name)) throw circular([...within, name]);
    if (this.asked.has(name)) return;
    const definition = this.#definitions.get(name) ?? { name, type: null, options: {} };
    const needed = new Set([...allPlaceholders(definition.options)].map(variableOf));
    for (const variable of needed) await this.value(variable, [...within, name]);
    this.asked.add(name);
    if ([...needed].some((variable) => this.missing.has(variable))) return void this.missing.add(name);
    const value = await this.#ask({ ...definition, options: substitute(definition.options, this.known) as YamlMap }); // of a map, a map
    if (value === undefined) this.missing.add(name);
    else this.known.set(name, value);
  }

  async #ask(request: VariableRequest): Promise<YamlValue | undefined> {
    for (const source of this.#sources) {
      const value = await source.get(request);
      if (value !== undefined) return value;
    }
    return undefined;
  }
}

function circular(names: readonly string[]): InvalidManifest {
  const message = `the options of a variable need the variable itself: ${names.join(' -> ')}`;
  return new InvalidManifest('variables', [{ path: 'variables', message }], { code: 'interpolation-failed' });
}

function withoutDefinitions(document: YamlValue, found: ReadonlySet<string>): YamlValue {
  if (!isMap(document) || !Array.isArray(document['variables']) || found.size === 0) return document;
  const left = document['variables'].filter((item) => !(isMap(item) && found.has(String(item['name'] as string))));
  return { ...document, variables: left };
}
