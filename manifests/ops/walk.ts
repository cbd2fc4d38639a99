import { didYouMean } from '../../common/suggest.ts';
import { isMap, type YamlMap, type YamlValue } from '../value.ts';
import { formatPointer, type Modifier, type Pointer, type Token } from './pointer.ts';

/** Why a path leads nowhere in a document; `path` is how far it got, with the token that failed. */
export class WalkError extends Error {
  readonly path: string;
  readonly suggestion: string | undefined;
  /** The document goes on as the path says, but for what would be there: nothing is. */
  readonly absent: boolean;

  constructor(message: string, at: { path: Pointer; suggestion?: string | undefined; absent?: boolean }) {
    super(message);
    this.path = formatPointer(at.path);
    this.suggestion = at.suggestion;
    this.absent = at.absent ?? false;
  }
}

export function asList(value: YamlValue, path: Pointer): YamlValue[] {
  if (Array.isArray(value)) return value;
  const suggestion = isMap(value) ? keysOf(value) : undefined;
  throw new WalkError(`a list is needed there, but it is ${kindOf(value)}`, { path, suggestion });
}

export function asMap(value: YamlValue, path: Pointer): YamlMap {
  if (isMap(value)) return value;
  const suggestion = Array.isArray(value) ? listHint(value) : undefined;
  throw new WalkError(`a map is needed there, but it is ${kindOf(value)}`, { path, suggestion });
}

/** The place of an index in a list; negative ones count from its end. @throws WalkError when there is no such item */
export function indexIn(
  list: readonly YamlValue[],
  index: number,
  modifiers: readonly Modifier[],
  path: Pointer,
): number {
  let at = index;
  for (const modifier of modifiers) {
    if (modifier === 'prev') at -= 1;
    else if (modifier === 'next') at += 1;
    else throw new WalkError(`":${modifier}" is only for the place where something is put`, { path });
  }
  if (at >= list.length || at < -list.length) {
    throw new WalkError(`there is no item ${at}: the list has ${list.length}`, { path, absent: true });
  }
  return at < 0 ? list.length + at : at;
}

/** The one item that matches; undefined when none does and none needs to. @throws WalkError */
export function matchIn(
  list: readonly YamlValue[],
  token: Extract<Token, { kind: 'match' }>,
  path: Pointer,
): number | undefined {
  const found = list.flatMap((item, i) => (isMap(item) && item[token.key] === token.value ? [i] : []));
  const [only, another] = found;
  if (only !== undefined && another === undefined) return only;
  if (only === undefined && token.optional) return undefined;
  const known = list.flatMap((item) => {
    const name = isMap(item) ? item[token.key] : null;
    return typeof name === 'string' ? [name] : [];
  });
  const near = only === undefined ? didYouMean(token.value, known).suggestion : undefined;
  const message =
    only === undefined
      ? `no item has ${token.key}=${token.value}`
      : `${found.length} items have ${token.key}=${token.value}, and the path needs exactly one`;
  throw new WalkError(message, {
    path,
    suggestion: near ?? (only === undefined ? listOf(token.key, known) : undefined),
  });
}

export function missingKey(map: YamlMap, key: string, path: Pointer): WalkError {
  return new WalkError(`there is no key "${key}"`, {
    path,
    suggestion: didYouMean(key, Object.keys(map)).suggestion ?? keysOf(map),
    absent: true,
  });
}

const shownMax = 12;

function listed(names: readonly string[]): string {
  const more = names.length > shownMax ? `, and ${names.length - shownMax} more` : '';
  return names.slice(0, shownMax).join(', ') + more;
}

function keysOf(map: YamlMap): string {
  const keys = Object.keys(map).sort();
  return keys.length === 0 ? 'the map is empty' : `its keys are ${listed(keys)}`;
}

function listOf(key: string, known: readonly string[]): string {
  return known.length === 0 ? `no item has a "${key}"` : `there are ${listed(known)}`;
}

function listHint(list: readonly YamlValue[]): string {
  const names = list.flatMap((item) => (isMap(item) && typeof item['name'] === 'string' ? [item['name']] : []));
  return names.length === 0 ? `it has ${list.length} items` : `name one with name=…: ${listed(names)}`;
}

function kindOf(value: YamlValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (isMap(value)) return 'a map';
  return typeof value === 'string' ? 'a text' : typeof value === 'boolean' ? 'true or false' : 'a number';
}
