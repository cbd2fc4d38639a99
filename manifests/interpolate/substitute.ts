import { find } from '../ops/find.ts';
import { parsePointer, PointerError, type Pointer } from '../ops/pointer.ts';
import { WalkError } from '../ops/walk.ts';
import { copyOf } from '../copy.ts';
import { isMap, type YamlMap, type YamlValue } from '../value.ts';
import { setOwn } from '../yaml/construct.ts';
import { copyNumerals } from '../yaml/numerals.ts';

/** Why a value can't go where its placeholder is. Its words hold no value. */
export class SubstituteError extends Error {}

/** `((name))`, `((!name))`, `((name.key.key))`; one space inside of the parentheses is allowed. As the bosh CLI's. */
const placeholder = /\(\( ?(!?[-/.\p{L}\w]+) ?\)\)/gu;
const wholePlaceholder = /^\(\( ?!?[-/.\p{L}\w]+ ?\)\)$/u;

/** The placeholders of a text, without `!`, in order. */
export function placeholdersIn(text: string): string[] {
  if (!text.includes('((')) return [];
  return [...text.matchAll(placeholder)].map(([, name = '']) => name.replace(/^!/, ''));
}

/** The variable that a placeholder asks for: what stands before its first dot. */
export function variableOf(name: string): string {
  return name.split('.', 1)[0] ?? name;
}

/** Every placeholder in a value, keys included. */
export function* allPlaceholders(value: YamlValue): Generator<string> {
  if (typeof value === 'string') yield* placeholdersIn(value);
  else if (Array.isArray(value)) for (const item of value) yield* allPlaceholders(item);
  else if (isMap(value)) {
    for (const [key, item] of Object.entries(value)) {
      yield* allPlaceholders(item);
      yield* placeholdersIn(key);
    }
  }
}

/**
 * A copy with every placeholder replaced whose variable is known; the others stay as they are. Values are put in
 * as they come, placeholders in them too.
 * @throws SubstituteError
 */
export function substitute(value: YamlValue, known: ReadonlyMap<string, YamlValue>): YamlValue {
  if (typeof value === 'string') return substituteText(value, known);
  if (Array.isArray(value)) {
    const list = value.map((item) => substitute(item, known));
    copyNumerals(value, list);
    return list;
  }
  if (!isMap(value)) return value;
  const map: YamlMap = {};
  for (const [key, item] of Object.entries(value)) setOwn(map, substituteKey(key, known), substitute(item, known));
  copyNumerals(value, map);
  return map;
}

function substituteKey(key: string, known: ReadonlyMap<string, YamlValue>): string {
  const value = substituteText(key, known);
  if (value !== null && typeof value === 'object')
    throw new SubstituteError(`${key} is a key, and its value is a map or a list`);
  return String(value);
}

function substituteText(text: string, known: ReadonlyMap<string, YamlValue>): YamlValue {
  let result = text;
  for (const name of placeholdersIn(text)) {
    const variable = known.get(variableOf(name));
    if (variable === undefined) continue;
    const value = partOf(variable, name);
    if (wholePlaceholder.test(text)) return copyOf(value);
    const written = insertable(value);
    if (written === undefined) {
      throw new SubstituteError(`((${name})) stands inside of a text, where only texts and whole numbers can be put`);
    }
    // Like the CLI, which leaves the placeholder with spaces alone when it isn't the whole text.
    result = result.replaceAll(`((${name}))`, () => written).replaceAll(`((!${name}))`, () => written);
  }
  return result;
}

function insertable(value: YamlValue): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'bigint' || Number.isSafeInteger(value) ? String(value as bigint | number) : undefined; // just seen
}

/** `a.b.0` is item 0 of b of a; where there is no list, key "0" of b. */
function partOf(variable: YamlValue, name: string): YamlValue {
  const [, ...keys] = name.split('.');
  if (keys.length === 0) return variable;
  try {
    const pointer = parsePointer(`/${keys.join('/')}`);
    try {
      return find(variable, pointer);
    } catch (error) {
      if (!(error instanceof WalkError)) throw error;
      return find(variable, withoutIndexes(pointer));
    }
  } catch (error) {
    if (!(error instanceof WalkError) && !(error instanceof PointerError)) throw error;
    const suggestion = error instanceof WalkError && error.suggestion !== undefined ? ` (${error.suggestion})` : '';
    throw new SubstituteError(`((${name})): ${error.message}${suggestion}`);
  }
}

function withoutIndexes(pointer: Pointer): Pointer {
  return pointer.map((token) =>
    token.kind === 'index' ? { kind: 'key', key: String(token.index), optional: false } : token,
  );
}
