import { parseVersion } from '../common/version.ts';

/**
 * Whether packages that were compiled on one stemcell may run on the other: the same line, told by the first component
 * of the version (`1.200` and `1.9`, not `2.1`). Source: `version/stemcell_version.rb` of bosh.
 */
export function sameStemcellLine(a: string, b: string): boolean {
  const [first, second] = [a, b].map((text) => parseVersion(text.replaceAll('_', '.'))?.release[0]);
  return first !== undefined && first === second;
}

/**
 * Of several versions of one line, the one with the highest second component: which compiled package is taken when
 * there is none for the very stemcell and no source to compile. Of equal ones the first. Undefined: none of that line.
 */
export function newestOfLine<T>(
  versionOf: (each: T) => string,
  candidates: readonly T[],
  wanted: string,
): T | undefined {
  let best: { each: T; patch: number } | undefined;
  for (const each of candidates) {
    if (!sameStemcellLine(versionOf(each), wanted)) continue;
    const second = parseVersion(versionOf(each).replaceAll('_', '.'))?.release[1] ?? 0;
    const patch = typeof second === 'number' ? second : Infinity; // a word is newer than a number
    if (best === undefined || patch > best.patch) best = { each, patch };
  }
  return best?.each;
}

export interface StemcellRef {
  readonly operatingSystem: string;
  readonly version: string;
}

/** `ubuntu-jammy/1.200`, as releases and the CLI write it. Undefined: not that form. */
export function parseStemcellRef(text: string): StemcellRef | undefined {
  const [operatingSystem = '', version = '', ...rest] = text.split('/');
  if (operatingSystem === '' || version === '' || rest.length > 0) return undefined;
  return { operatingSystem, version };
}
