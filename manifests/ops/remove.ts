import type { YamlValue } from '../value.ts';
import { PointerError, type Pointer } from './pointer.ts';
import { asList, asMap, indexIn, matchIn, missingKey } from './walk.ts';

/**
 * Takes away what is at a path, in place; nothing, where the path says that it may be absent and it is.
 * Source: go-patch, remove_op.go.
 * @throws WalkError @throws PointerError
 */
export function remove(document: YamlValue, pointer: Pointer): void {
  if (pointer.length === 0) throw new PointerError("the whole document can't be removed");
  let at = document;
  for (const [i, token] of pointer.entries()) {
    const path = pointer.slice(0, i + 1);
    const last = i === pointer.length - 1;
    if (token.kind === 'append')
      throw new PointerError('"-" is the place after the last item, where nothing can be removed');
    if (token.kind === 'key') {
      const map = asMap(at, path);
      if (!Object.hasOwn(map, token.key)) {
        if (token.optional) return;
        throw missingKey(map, token.key, path);
      }
      if (last) delete map[token.key];
      else at = map[token.key] ?? null;
      continue;
    }
    const list = asList(at, path);
    const found = token.kind === 'index' ? token.index : matchIn(list, token, path);
    if (found === undefined) return;
    const index = indexIn(list, found, token.modifiers, path);
    if (last) list.splice(index, 1);
    else at = list[index] ?? null;
  }
}
