import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { entryBytes, readArchive } from '../../common/archive.ts';
import { parseReleaseManifest } from '../release-manifest.ts';
import { fileBytes, writeRelease } from '../write-release.ts';
import { syncBlobs } from './blobs.ts';
import { buildRelease, findRelease, type LocalRelease, partKey } from './build-release.ts';
import { nameOf, readConfig } from './config.ts';
import { finalize } from './finalize-release.ts';
import { commitHash, uncommittedChanges } from './git.ts';
import type { ReleasePlace } from './place.ts';
import { nextDev, nextFinal, ReleaseIndex } from './release-index.ts';
import { readReleaseSource, type ReleaseSource } from './source.ts';

export interface CreateReleaseOptions {
  readonly name?: string;
  readonly version?: string;
  /** `+dev.<seconds since the epoch>`, for those who build in many places at once. */
  readonly timestampVersion?: boolean;
  readonly final?: boolean;
  /** Changes that aren't committed are all right. */
  readonly force?: boolean;
}

/**
 * Makes a dev release, and a final one of it when asked to; what didn't change since is not packed again.
 * Source: `cmd/create_release.go`, `releasedir/fs_release_dir.go`.
 *
 * @throws InvalidRelease; OperatorError `release-dir-dirty`, `release-version-exists`, `release-dir-invalid`,
 *   `pre-packaging-failed`, `blob-missing`, `release-blobstore-unsupported`
 */
export async function createRelease(place: ReleasePlace, options: CreateReleaseOptions = {}): Promise<LocalRelease> {
  const { timestampVersion = false, final = false, force = false } = options;
  const config = await readConfig(place.dir);
  const name = options.name ?? nameOf(config);
  const version = options.version ?? (await nextDev(place, name, { timestamp: timestampVersion }));
  const devIndex = new ReleaseIndex(place, 'dev');
  await devIndex.mustNotHave(name, version); // before minutes of work, not after them

  const dirty = await uncommittedChanges(place.dir, { force });
  await syncBlobs(place);
  const source = await readReleaseSource(place.dir, place.algorithm);
  await warnOfCompression(place, source);
  const release = await buildRelease(place, source, {
    name,
    version,
    commitHash: await commitHash(place.dir),
    uncommittedChanges: dirty,
  });
  await devIndex.add(release.manifest);
  if (!final) return release;
  return finalize(place, release, { name, version: options.version ?? (await nextFinal(place, name)), force });
}

/** The release that a manifest in dev_releases/ or releases/ describes, from what was built for it. */
export async function recreateRelease(place: ReleasePlace, manifestFile: string): Promise<LocalRelease> {
  return findRelease(place, parseReleaseManifest(await readFile(manifestFile, 'utf8'), manifestFile));
}

/** Its tarball, as a stream. `without`: fingerprints of packages to leave out. */
export function releaseTarball(
  { manifest, files }: LocalRelease,
  texts: ReadonlyMap<string, string> = new Map(),
  without: ReadonlySet<string> = new Set(),
): Readable {
  const skipped = new Set(
    [...manifest.packages, ...manifest.compiledPackages]
      .filter(({ fingerprint }) => without.has(fingerprint))
      .map(({ name }) => name),
  );
  return writeRelease(manifest, {
    texts,
    bytesOf: async (kind, name) => {
      if ((kind === 'packages' || kind === 'compiled_packages') && skipped.has(name)) return undefined;
      const file = files.get(partKey(kind, name));
      return file === undefined ? undefined : fileBytes(file);
    },
  });
}

/** Writes the tarball; `((name))` and `((version))` in the path stand for those of the release. Gives the path. */
export async function writeTarball(release: LocalRelease, path: string): Promise<string> {
  const { name, version } = release.manifest;
  const to = path.replaceAll('((name))', name).replaceAll('((version))', version);
  await mkdir(dirname(to), { recursive: true });
  try {
    await pipeline(releaseTarball(release, await licenseTexts(release)), createWriteStream(`${to}.part`));
    await rename(`${to}.part`, to);
  } finally {
    await rm(`${to}.part`, { force: true });
  }
  return to;
}

const licenseBytesMax = 16 * 1024 * 1024;

/** LICENSE and NOTICE, which lie beside the archives in a tarball. */
async function licenseTexts({ files }: LocalRelease): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  const file = files.get(partKey('license', 'license'));
  if (file === undefined) return texts;
  for await (const entry of readArchive(createReadStream(file), { what: file })) {
    if (entry.type === 'file') texts.set(entry.path, (await entryBytes(entry, file, licenseBytesMax)).toString('utf8'));
  }
  return texts;
}

async function warnOfCompression(place: ReleasePlace, { packages }: ReleaseSource): Promise<void> {
  if ((await readConfig(place.dir)).noCompression) return;
  const plain = packages.filter(({ packable }) => packable?.noCompression === true).map(({ name }) => name);
  if (plain.length === 0) return;
  place.report({
    kind: 'warning',
    what: `${plain.join(', ')} set no_compression, but config/final.yml does not: the tarball is compressed all the same`,
  });
}
