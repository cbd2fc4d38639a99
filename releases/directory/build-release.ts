import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { formatDigest } from '../../common/digest.ts';
import type { LicenseRef, ReleaseManifest } from '../release-manifest.ts';
import { type Build, type BuildKind, Builds } from './builds.ts';
import { blobstoreOf } from './blobstore.ts';
import { readConfig } from './config.ts';
import { digestOfFile } from './fingerprint.ts';
import { packSource } from './pack-source.ts';
import { type ReleasePlace, releaseDirInvalid } from './place.ts';
import type { Packable, ReleaseSource } from './source.ts';

/** A release whose inner archives are files on this machine. */
export interface LocalRelease {
  readonly manifest: ReleaseManifest;
  /** Files, by `jobs/NAME`, `packages/NAME`, `compiled_packages/NAME` and `license/license`. */
  readonly files: ReadonlyMap<string, string>;
}

export const partKey = (kind: BuildKind | 'compiled_packages', name: string) => `${kind}/${name}`;

/** Compressing is what takes time, and happens on zlib's own threads. */
const packedAtOnceMax = 4;

export interface ReleaseIdentity {
  readonly name: string;
  readonly version: string;
  readonly commitHash: string;
  readonly uncommittedChanges: boolean;
}

/**
 * Packs whatever was not packed before, and puts the release together. Vendored packages must be in the final builds.
 * @throws OperatorError `release-dir-invalid` | `blob-missing` | `pre-packaging-failed` | `release-dir-changed`
 */
export async function buildRelease(
  place: ReleasePlace,
  source: ReleaseSource,
  identity: ReleaseIdentity,
): Promise<LocalRelease> {
  const config = await readConfig(place.dir);
  const dev = new Builds(place, null);
  const final = new Builds(place, blobstoreOf(config, place));
  const files = new Map<string, string>();
  const limit = pLimit(packedAtOnceMax);
  const staging = await mkdtemp(join(tmpdir(), 'gantry-release-'));

  const build = async (
    kind: BuildKind,
    name: string,
    fingerprint: string,
    packable: Packable | null,
    dependencies?: readonly string[],
  ) => {
    const found = (await dev.find(kind, name, fingerprint)) ?? (await final.find(kind, name, fingerprint));
    const built = found ?? (await pack(kind, name, packable, dependencies));
    files.set(partKey(kind, name), built.file);
    return { version: fingerprint, fingerprint, sha1: built.sha1 };
  };
  const pack = async (
    kind: BuildKind,
    name: string,
    packable: Packable | null,
    dependencies: readonly string[] = [],
  ): Promise<Build> => {
    if (packable === null)
      throw releaseDirInvalid(
        `${kind}/${name} is vendored, but its archive is not in .final_builds`,
        'Vendor it again with vendor-package.',
      );
    const file = join(staging, `${kind}-${name}.tgz`);
    // packing may take minutes
    place.report({ kind: 'index-entry-adding', index: 'dev', what: `${kind} ${name}/${packable.fingerprint}` });
    await packSource(packable, file, {
      what: `${kind}/${name}`,
      algorithm: place.algorithm,
      releaseDir: place.dir,
      dependencies,
    });
    const added = await dev.add(kind, name, packable.fingerprint, {
      file,
      sha1: await digestText(file, place.algorithm),
    });
    await rm(file);
    return added;
  };

  try {
    const packages = source.packages.map(({ name, dependencies, fingerprint, packable }) =>
      limit(async () => ({
        name,
        ...(await build('packages', name, fingerprint, packable, dependencies)),
        dependencies,
      })),
    );
    const jobs = source.jobs.map(({ name, packages: needed, fingerprint, packable }) =>
      limit(async () => ({ name, ...(await build('jobs', name, fingerprint, packable)), packages: needed })),
    );
    await Promise.allSettled([...packages, ...jobs]); // nothing may still be writing when one has failed
    const license: LicenseRef | null =
      source.license === null
        ? null
        : await build('license', 'license', source.license.fingerprint, source.license.packable);
    const manifest: ReleaseManifest = {
      ...identity,
      jobs: await Promise.all(jobs),
      packages: await Promise.all(packages),
      compiledPackages: [],
      compiled: false,
      license,
      noCompression: config.noCompression,
    };
    return { manifest, files };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** The archives that a manifest names, from the builds of this directory. @throws OperatorError `release-dir-invalid` */
export async function findRelease(place: ReleasePlace, manifest: ReleaseManifest): Promise<LocalRelease> {
  const dev = new Builds(place, null);
  const final = new Builds(place, blobstoreOf(await readConfig(place.dir), place));
  const files = new Map<string, string>();
  const find = async (kind: BuildKind, name: string, fingerprint: string) => {
    const found = (await dev.find(kind, name, fingerprint)) ?? (await final.find(kind, name, fingerprint));
    if (found === undefined)
      throw releaseDirInvalid(`${kind}/${name} (${fingerprint}) is neither in .dev_builds nor in .final_builds`);
    files.set(partKey(kind, name), found.file);
  };
  for (const { name, fingerprint } of manifest.jobs) await find('jobs', name, fingerprint);
  for (const { name, fingerprint } of manifest.packages) await find('packages', name, fingerprint);
  if (manifest.license !== null) await find('license', 'license', manifest.license.fingerprint);
  return { manifest, files };
}

/** As it stands in manifests: `sha256:…`, or a bare SHA-1. */
export async function digestText(file: string, algorithm: 'sha1' | 'sha256'): Promise<string> {
  return formatDigest({ algorithm, hex: await digestOfFile(file, algorithm) });
}
