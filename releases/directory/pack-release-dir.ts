import { join } from 'node:path';
import type { ReleaseManifest } from '../release-manifest.ts';
import { digestText, type LocalRelease, partKey } from './build-release.ts';
import type { BuildKind } from './builds.ts';
import { nameOf, readConfig } from './config.ts';
import { packSource } from './pack-source.ts';
import { releaseDirInvalid } from './place.ts';
import { type Packable, readReleaseSource } from './source.ts';

export interface PackReleaseDirOptions {
  readonly dir: string;
  /** Where the inner archives go; the caller's, who removes it. */
  readonly workDir: string;
  readonly version: string;
  readonly commitHash?: string;
}

/**
 * A release from its sources, leaving no trace in their directory: for releases that we ship, whose directory may not
 * even be writable. The same sources make the same archives, whoever packs them.
 * @throws InvalidRelease; OperatorError `release-dir-invalid` (vendored packages need their builds: `createRelease`)
 */
export async function packReleaseDir({
  dir,
  workDir,
  version,
  commitHash = 'non-git',
}: PackReleaseDirOptions): Promise<LocalRelease> {
  const algorithm = 'sha256';
  const config = await readConfig(dir);
  const source = await readReleaseSource(dir, algorithm);
  const files = new Map<string, string>();
  const pack = async (
    kind: BuildKind,
    name: string,
    fingerprint: string,
    packable: Packable | null,
    dependencies: readonly string[] = [],
  ) => {
    if (packable === null) throw releaseDirInvalid(`${kind}/${name} is vendored`, 'Use create-release.');
    const file = join(workDir, `${kind}-${name}.tgz`);
    await packSource(packable, file, { what: `${kind}/${name}`, algorithm, releaseDir: dir, dependencies });
    files.set(partKey(kind, name), file);
    return { version: fingerprint, fingerprint, sha1: await digestText(file, algorithm) };
  };
  const packages = [];
  for (const { name, dependencies, fingerprint, packable } of source.packages) {
    packages.push({ name, ...(await pack('packages', name, fingerprint, packable, dependencies)), dependencies });
  }
  const jobs = [];
  for (const { name, packages: needed, fingerprint, packable } of source.jobs) {
    jobs.push({ name, ...(await pack('jobs', name, fingerprint, packable)), packages: needed });
  }
  const license =
    source.license === null
      ? null
      : await pack('license', 'license', source.license.fingerprint, source.license.packable);
  const manifest: ReleaseManifest = {
    name: nameOf(config),
    version,
    commitHash,
    uncommittedChanges: false,
    jobs,
    packages,
    compiledPackages: [],
    compiled: false,
    license,
    noCompression: config.noCompression,
  };
  return { manifest, files };
}
