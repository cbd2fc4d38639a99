import type { YamlValue } from '../value.ts';
import { PointerError, type Pointer } from './pointer.ts';
import { asList, asMap, indexIn, matchIn, missingKey, WalkError } from './walk.ts';

/**
 * What is at a path; null for an optional key that isn't there, a new item for an optional match.
 * Source: go-patch, find_op.go.
 * @throws WalkError @throws PointerError for `-`, where nothing can be found
 */
export function find(document: YamlValue, pointer: Pointer): YamlValue {
  let at = document;
  for (const [i, token] of pointer.entries()) {
    const path = pointer.slice(0, i + 1);
    const last = i === pointer.length - 1;
    switch (token.kind) {
      case 'index': {
        const list = asList(at, path);
        at = list[indexIn(list, token.index, token.modifiers, path)] ?? null;
        break;
      }
      case 'append':
        throw new PointerError('"-" is the place after the last item, where nothing can be found');
      case 'match': {
        const list = asList(at, path);
        const found = matchIn(list, token, path);
        at =
          found === undefined
            ? { [token.key]: token.value }
            : (list[indexIn(list, found, token.modifiers, path)] ?? null);
        break;
      }
      case 'key': {
        const map = asMap(at, path);
        if (Object.hasOwn(map, token.key)) at = map[token.key] ?? null;
        else if (!token.optional) throw missingKey(map, token.key, path);
        else at = last ? null : emptyFor(pointer, i + 1);
      }
    }
  }
  return at;
}

/** What an optional part of the path that isn't there would be, judged by the token that looks into it. */
function emptyFor(pointer: Pointer, next: number): YamlValue {
  const kind = pointer[next]?.kind;
  if (kind === 'match') return [];
  if (kind === 'key') return {};
  throw new WalkError('only a key or a match can follow what may be absent', { path: pointer.slice(0, next + 1) });
}
