import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, mkdtemp, readlink, realpath, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { byBytes, entriesOf, packArchive, type PackEntry } from '../../common/archive-pack.ts';
import { OperatorError } from '../../common/errors.ts';
import { fingerprint, type FingerprintOptions, type SourceFile } from './fingerprint.ts';
import type { Packable } from './source.ts';

/**
 * All files get one time: the archive is then a function of its contents. Not 1970, which zip (and with it Python's
 * packaging) can't express, and the same for all, so that make takes generated files for up to date.
 */
const packedMtimeS = Date.UTC(2000, 0, 1) / 1000;

export interface PackSourceOptions extends Pick<FingerprintOptions, 'algorithm' | 'dependencies'> {
  readonly what: string;
  /** Of the release, for pre_packaging. */
  readonly releaseDir: string;
}

/**
 * Packs a job, a package or the license into `file`. Runs pre_packaging, in a copy.
 * @throws OperatorError `pre-packaging-failed`, `release-dir-changed` when a file changed meanwhile
 */
export async function packSource(packable: Packable, file: string, options: PackSourceOptions): Promise<void> {
  const entries = packable.prepare.length > 0 ? preparedEntries(packable, options) : sourceEntries(packable);
  const archive = packArchive(entries, { prefix: './', gzip: !packable.noCompression });
  await pipeline(archive, createWriteStream(file, { flags: 'wx' }));
  const { files, followLinks } = packable;
  const now = await fingerprint(files, { ...options, followLinks });
  if (now === packable.fingerprint) return;
  throw new OperatorError(`${options.what}: its files changed while they were packed`, {
    code: 'release-dir-changed',
    hint: 'Create the release again once nothing writes to the directory any more.',
    details: { what: options.what, before: packable.fingerprint, after: now },
  });
}

/** Straight from where the files lie, parents first. */
async function* sourceEntries({ files, followLinks }: Packable): AsyncGenerator<PackEntry> {
  const directories = new Set<string>();
  for (const file of [...files].sort((a, b) => byBytes(a.relativePath, b.relativePath))) {
    for (const path of parentsOf(file.relativePath)) {
      if (directories.has(path)) continue;
      directories.add(path);
      yield { path, type: 'directory', mode: 0o755, mtimeS: packedMtimeS };
    }
    yield await sourceEntry(file, followLinks);
  }
}

async function sourceEntry({ path: from, relativePath: path }: SourceFile, followLinks: boolean): Promise<PackEntry> {
  const found = await lstat(from);
  const common = { path, mode: modeOf(found.mode), mtimeS: packedMtimeS };
  if (found.isSymbolicLink() && !followLinks) return { ...common, type: 'symlink', linkpath: await readlink(from) };
  const target = found.isSymbolicLink() ? await realpath(from) : from;
  const { size } = await stat(target);
  return { ...common, type: 'file', size, body: () => createReadStream(target, { highWaterMark: 256 * 1024 }) };
}

async function* preparedEntries(packable: Packable, options: PackSourceOptions): AsyncGenerator<PackEntry> {
  const staging = await mkdtemp(join(tmpdir(), 'gantry-package-'));
  try {
    for (const { path, relativePath } of packable.files) {
      const to = join(staging, relativePath);
      await mkdir(dirname(to), { recursive: true });
      const found = await lstat(path);
      if (found.isSymbolicLink()) {
        await symlink(await readlink(path), to);
        continue;
      }
      await copyFile(path, to);
      await chmod(to, modeOf(found.mode));
    }
    for (const script of packable.prepare) {
      await runScript(script.path, staging, options);
      await rm(join(staging, script.relativePath), { force: true });
    }
    yield* entriesOf(staging, { mtimeS: packedMtimeS });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** As the bosh CLI calls it: by bash, in the copy, without the caller's environment but for what a build needs. */
async function runScript(script: string, staging: string, { what, releaseDir }: PackSourceOptions): Promise<void> {
  const env = { ...process.env, BUILD_DIR: staging, RELEASE_DIR: releaseDir };
  try {
    await promisify(execFile)('bash', ['-x', script], { cwd: staging, env, maxBuffer: 64 * 1024 * 1024 });
  } catch (cause) {
    const output = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).slice(-outputCharsMax) : '';
    throw new OperatorError(`${what}: pre_packaging failed${output === '' ? '' : `:\n${output}`}`, {
      code: 'pre-packaging-failed',
      hint: `Run it by hand in a copy of the sources: bash -x ${script}`,
      details: { what, script },
      cause,
    });
  }
}

/** The end of its output says what failed. */
const outputCharsMax = 4000;

function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

const modeOf = (mode: number) => ((mode & 0o100) === 0 ? 0o644 : 0o755);
