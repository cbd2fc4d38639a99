import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { readRelease, type ReleasePart } from '../read-release.ts';
import { blobstoreOf } from './blobstore.ts';
import { type LocalRelease, partKey } from './build-release.ts';
import { Builds, type BuildKind } from './builds.ts';
import { readConfig } from './config.ts';
import { uncommittedChanges } from './git.ts';
import { type ReleasePlace, releaseDirInvalid } from './place.ts';
import { nextFinal, ReleaseIndex } from './release-index.ts';

export interface FinalizeOptions {
  readonly name?: string;
  readonly version?: string;
  readonly force?: boolean;
}

/** Makes a final release of a tarball. @throws OperatorError as `createRelease`, and those of `readRelease` */
export async function finalizeRelease(
  place: ReleasePlace,
  tarball: string,
  options: FinalizeOptions = {},
): Promise<LocalRelease> {
  const dir = await mkdtemp(join(tmpdir(), 'gantry-finalize-'));
  try {
    const release = await openTarball(tarball, dir);
    const name = options.name ?? release.manifest.name;
    const version = options.version ?? (await nextFinal(place, name));
    return await finalize(place, release, { name, version, force: options.force ?? false });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Its inner archives as files in `dir`, verified. */
export async function openTarball(tarball: string, dir: string): Promise<LocalRelease> {
  const { manifest, parts, missing } = await readRelease(createReadStream(tarball, { highWaterMark: 256 * 1024 }), {
    what: tarball,
    spoolDir: dir,
    take: async (part, bytes) => {
      const file = join(dir, `${part.kind}-${part.name}.tgz`);
      await pipeline(bytes, createWriteStream(file, { flags: 'wx' }));
      return file;
    },
  });
  const [absent] = missing;
  if (absent !== undefined) throw releaseDirInvalid(`${tarball} holds no archive of ${absent.kind} ${absent.name}`);
  return { manifest, files: new Map(parts.map(({ part, taken }) => [partKey(folderOf(part), part.name), taken])) };
}

function folderOf({ kind }: ReleasePart): BuildKind | 'compiled_packages' {
  switch (kind) {
    case 'job':
      return 'jobs';
    case 'package':
      return 'packages';
    case 'compiled-package':
      return 'compiled_packages';
    case 'license':
      return 'license';
  }
}

/** Puts every archive into the final builds and the blobstore, then the release into releases/. */
export async function finalize(
  place: ReleasePlace,
  release: LocalRelease,
  { name, version, force }: { name: string; version: string; force: boolean },
): Promise<LocalRelease> {
  await uncommittedChanges(place.dir, { force });
  const index = new ReleaseIndex(place, 'final');
  await index.mustNotHave(name, version);
  const builds = new Builds(place, blobstoreOf(await readConfig(place.dir), place));
  const files = new Map(release.files);
  const keep = async <Ref extends { fingerprint: string; sha1: string | null }>(
    kind: BuildKind,
    partName: string,
    ref: Ref,
  ): Promise<Ref> => {
    const file = release.files.get(partKey(kind, partName));
    if (file === undefined || ref.sha1 === null)
      throw releaseDirInvalid(`${kind}/${partName} has no archive to finalize`);
    const kept =
      (await builds.find(kind, partName, ref.fingerprint)) ??
      (await builds.add(kind, partName, ref.fingerprint, { file, sha1: ref.sha1 }));
    files.set(partKey(kind, partName), kept.file);
    return { ...ref, sha1: kept.sha1 };
  };
  // one after the other: each goes into an index file, and a failure shall leave the later ones untouched
  const { manifest } = release;
  const jobs = [];
  for (const job of manifest.jobs) jobs.push(await keep('jobs', job.name, job));
  const packages = [];
  for (const each of manifest.packages) packages.push(await keep('packages', each.name, each));
  const license = manifest.license === null ? null : await keep('license', 'license', manifest.license);
  const final = { ...manifest, name, version, jobs, packages, license };
  await index.add(final);
  return { manifest: final, files };
}
