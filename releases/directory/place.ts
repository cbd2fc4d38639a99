import { homedir } from 'node:os';
import { isAbsolute, join, resolve, sep } from 'node:path';
import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import { OperatorError } from '../../common/errors.ts';

/** Which digest is written, and which fingerprints are made; SHA-1 for those who must meet old releases. */
export type ReleaseAlgorithm = 'sha1' | 'sha256';

/**
 * A release directory, and what working in it takes. The layout is that of bosh-cli (`releasedir/`), so that both can
 * work in one directory in turn: config/, jobs/, packages/, src/, blobs/, .dev_builds/, .final_builds/, dev_releases/,
 * releases/.
 */
export interface ReleasePlace {
  /** Absolute. */
  readonly dir: string;
  /** Inner archives by digest, shared by all release directories of a user and with the bosh CLI. */
  readonly cacheDir: string;
  readonly algorithm: ReleaseAlgorithm;
  readonly clock: Clock;
  readonly chance: Chance;
  /** What happens, for a CLI to show. */
  readonly report: (progress: ReleaseProgress) => void;
}

export type ReleaseProgress =
  | {
      readonly kind: 'index-entry-adding' | 'index-entry-added';
      readonly index: 'dev' | 'final';
      readonly what: string;
    }
  | { readonly kind: 'release-added'; readonly index: 'dev' | 'final'; readonly what: string }
  | { readonly kind: 'blob-downloaded' | 'blob-uploaded'; readonly what: string }
  | { readonly kind: 'warning'; readonly what: string };

export function defaultCacheDir(): string {
  return join(homedir(), '.bosh', 'cache');
}

/**
 * A path that a file of the release directory names, which may be anybody's: it must stay below `base`.
 * @throws OperatorError `release-dir-unsafe-path`
 */
export function pathBelow(base: string, name: string): string {
  const full = resolve(base, name);
  if (name !== '' && !isAbsolute(name) && full.startsWith(base + sep) && !name.split('/').includes('..')) return full;
  throw new OperatorError(`"${name}" is not a path below ${base}`, {
    code: 'release-dir-unsafe-path',
    hint: 'Write it relative, without "..".',
    details: { base, name },
  });
}

/** Something about the release directory that its author must mend. */
export function releaseDirInvalid(
  message: string,
  hint?: string,
  details: Record<string, unknown> = {},
): OperatorError {
  return new OperatorError(message, { code: 'release-dir-invalid', ...(hint === undefined ? {} : { hint }), details });
}
