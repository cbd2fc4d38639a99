import type { YamlMap, YamlValue } from '../value.ts';
import { setOwn } from '../yaml/construct.ts';
import type { Modifier, Pointer } from './pointer.ts';
import { asList, asMap, indexIn, matchIn, missingKey, WalkError } from './walk.ts';

/**
 * Puts a value at a path, in place; what is missing on the way is made where the path says that it may be.
 * Returns the document, which is another one when the path is empty. Source: go-patch, replace_op.go.
 * @throws WalkError
 */
export function replace(document: YamlValue, pointer: Pointer, value: YamlValue): YamlValue {
  let at = document;
  for (const [i, token] of pointer.entries()) {
    const path = pointer.slice(0, i + 1);
    const last = i === pointer.length - 1;
    switch (token.kind) {
      case 'index': {
        const list = asList(at, path);
        if (last) put(list, token.index, token.modifiers, value, path);
        else at = list[indexIn(list, token.index, token.modifiers, path)] ?? null;
        break;
      }
      case 'append':
        asList(at, path).push(value);
        break;
      case 'match': {
        const list = asList(at, path);
        const found = matchIn(list, token, path);
        if (found !== undefined) {
          if (last) put(list, found, token.modifiers, value, path);
          else at = list[indexIn(list, found, token.modifiers, path)] ?? null;
        } else if (last) list.push(value);
        else list.push((at = { [token.key]: token.value }));
        break;
      }
      case 'key': {
        const map = asMap(at, path);
        const present = Object.hasOwn(map, token.key);
        if (!present && !token.optional) throw missingKey(map, token.key, path);
        if (last) setOwn(map, token.key, value);
        else at = present ? (map[token.key] ?? null) : make(map, token.key, pointer, i + 1);
      }
    }
  }
  return pointer.length === 0 ? value : document;
}

/** Instead of an item, or beside it. */
function put(list: YamlValue[], index: number, modifiers: readonly Modifier[], value: YamlValue, path: Pointer): void {
  const place = modifiers.findIndex((modifier) => modifier === 'before' || modifier === 'after');
  if (place !== -1 && place !== modifiers.length - 1) {
    throw new WalkError(`nothing can come after ":${modifiers[place]}"`, { path });
  }
  const steps = place === -1 ? modifiers : modifiers.slice(0, place);
  const at = indexIn(list, index, steps, path);
  if (place === -1) list[at] = value;
  else list.splice(modifiers[place] === 'after' ? at + 1 : at, 0, value);
}

/** An empty map or list under a key, as the next token needs it. */
function make(map: YamlMap, key: string, pointer: Pointer, next: number): YamlValue {
  const kind = pointer[next]?.kind;
  if (kind === 'index' || kind === undefined) {
    throw new WalkError('a new list has no such item; append with "-", or match with name=…', {
      path: pointer.slice(0, next + 1),
    });
  }
  const made = kind === 'key' ? {} : [];
  setOwn(map, key, made);
  return made;
}
