import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readlink, realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { byBytes } from '../../common/archive-pack.ts';
import { digestOf } from '../../common/digest.ts';
import type { ReleaseAlgorithm } from './place.ts';

/** A file that goes into the archive of a job, a package or the license. */
export interface SourceFile {
  /** Absolute, where it lies. */
  readonly path: string;
  /** Below the root of the archive. */
  readonly relativePath: string;
  /** Not part of the fingerprint of scripts, which are run by their shell, and of licenses. */
  readonly excludeMode?: boolean;
  readonly useBasename?: boolean;
}

export interface FingerprintOptions {
  readonly algorithm: ReleaseAlgorithm;
  /** Jobs contain what links lead to; packages contain the links. */
  readonly followLinks: boolean;
  /** Names of the packages that it depends on. */
  readonly dependencies?: readonly string[];
}

/**
 * What identifies a job, a package or a license by its contents, to the byte as the bosh CLI makes it: directors and
 * caches all over the world know things by it. Source: `release/resource/fingerprint.go`.
 *
 *     H("v2", for each file by path: path, H(content), mode; then the dependencies, sorted, with commas)
 *
 * With SHA-256 the inner digests keep their `sha256:` in front, and the outer one loses it.
 */
export async function fingerprint(files: readonly SourceFile[], options: FingerprintOptions): Promise<string> {
  const sorted = [...files].sort((a, b) => byBytes(a.relativePath, b.relativePath));
  let text = 'v2';
  for (const file of sorted) text += await chunkOf(file, options);
  const dependencies = [...(options.dependencies ?? [])].sort(byBytes);
  if (dependencies.length > 0) text += dependencies.join(',');
  return digestOf(text, options.algorithm);
}

async function chunkOf(file: SourceFile, { algorithm, followLinks }: FingerprintOptions): Promise<string> {
  const found = await lstat(file.path);
  const link = found.isSymbolicLink();
  const name = file.useBasename === true ? basename(file.path) : file.relativePath;
  const digest =
    link && !followLinks
      ? digestOf(await readlink(file.path), algorithm)
      : await digestOfFile(link ? await realpath(file.path) : file.path, algorithm);
  if (file.excludeMode === true) return name + prefixed(digest, algorithm);
  return name + prefixed(digest, algorithm) + modeOf(found.mode, link && !followLinks);
}

/** What git knows of a mode; a followed link has the bits of the link, which are all set. */
function modeOf(mode: number, link: boolean): string {
  if (link) return 'symlink';
  return (mode & 0o111) === 0 ? '100644' : '100755';
}

function prefixed(hex: string, algorithm: ReleaseAlgorithm): string {
  return algorithm === 'sha1' ? hex : `${algorithm}:${hex}`;
}

/** Hex, without the name of the algorithm. */
export async function digestOfFile(path: string, algorithm: ReleaseAlgorithm): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
