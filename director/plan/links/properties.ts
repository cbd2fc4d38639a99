import { isMap, type YamlMap, type YamlValue } from '../../../manifests/value.ts';
import { numeralOf, rememberNumeral } from '../../../manifests/yaml/numerals.ts';
import type { WantedJob } from '../wanted.ts';

/**
 * Only what the provider lists: from the job's properties, else from what the manifest gives.
 * @returns `unknown`: listed, and neither given nor in the release's spec
 */
export function linkProperties(
  { properties, givenProperties }: Pick<WantedJob, 'properties' | 'givenProperties'>,
  listed: readonly string[],
): { chosen: YamlMap; unknown: string[] } {
  const chosen: YamlMap = {};
  const unknown: string[] = [];
  for (const path of listed) {
    const own = dig(properties, path);
    const isSet = own !== undefined && own.container[own.key] !== null;
    const found = isSet ? own : (dig(givenProperties, path) ?? own);
    if (found === undefined) unknown.push(path);
    else bury(chosen, path.split('.'), found);
  }
  return { chosen, unknown };
}

/** A value where it stands: how a float was written (`1.0`) is remembered by its place. */
interface Place {
  container: YamlMap;
  key: string;
}

function dig(from: YamlMap, path: string): Place | undefined {
  let at: YamlValue | undefined = from;
  let place: Place | undefined;
  for (const key of path.split('.')) {
    if (!isMap(at) || !Object.hasOwn(at, key)) return undefined;
    place = { container: at, key };
    at = at[key];
  }
  return place;
}

function bury(into: YamlMap, [first, ...rest]: string[], from: Place): void {
  if (first === undefined) return;
  if (rest.length === 0) {
    into[first] = from.container[from.key] ?? null;
    const numeral = numeralOf(from.container, from.key);
    if (numeral !== undefined) rememberNumeral(into, first, numeral);
    return;
  }
  const next = into[first];
  const inner: YamlMap = isMap(next) ? next : {};
  into[first] = inner;
  bury(inner, rest, from);
}
