import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withDependencies } from '../dependency-key.ts';
import type { PackageRef } from '../release-manifest.ts';
import { blobstoreOf } from './blobstore.ts';
import { findRelease, partKey } from './build-release.ts';
import { Builds } from './builds.ts';
import { nameOf, readConfig } from './config.ts';
import { goYaml } from '../go-yaml.ts';
import { pathBelow, type ReleasePlace, releaseDirInvalid } from './place.ts';
import { latestRelease, ReleaseIndex } from './release-index.ts';

export interface VendorOptions {
  readonly packageName: string;
  /** `golang` becomes `prefix-golang`, with all that it depends on. */
  readonly prefix?: string;
}

/**
 * Takes a package, and all that it depends on, from the newest release of another release directory: its archive goes
 * into our final builds, and packages/NAME/spec.lock names its fingerprint. Gives the names. May be repeated.
 * @throws OperatorError `package-unknown`, `release-dir-invalid`, those of the blobstores
 */
export async function vendorPackage(
  place: ReleasePlace,
  from: ReleasePlace,
  { packageName, prefix }: VendorOptions,
): Promise<string[]> {
  const sourceName = nameOf(await readConfig(from.dir));
  const latest = await latestRelease(from, sourceName);
  if (latest === undefined) throw releaseDirInvalid(`${from.dir} holds no release yet`, 'Create one there first.');
  const source = await findRelease(from, await new ReleaseIndex(from, latest.index).read(sourceName, latest.version));
  const wanted = withDependencies([packageName], source.manifest.packages);

  const builds = new Builds(place, blobstoreOf(await readConfig(place.dir), place));
  const named = (name: string) => (prefix === undefined || prefix === '' ? name : `${prefix}-${name}`);
  for (const { name, fingerprint, sha1 } of wanted) {
    const file = source.files.get(partKey('packages', name));
    if (file === undefined || sha1 === null) throw releaseDirInvalid(`${name} has no archive in ${from.dir}`);
    if ((await builds.find('packages', named(name), fingerprint)) === undefined)
      await builds.add('packages', named(name), fingerprint, { file, sha1 });
  }
  for (const each of wanted) await writeLock(place, each, named); // once all archives are safe
  return wanted.map(({ name }) => named(name));
}

async function writeLock(
  place: ReleasePlace,
  { name, fingerprint, dependencies }: PackageRef,
  named: (name: string) => string,
): Promise<void> {
  const dir = pathBelow(join(place.dir, 'packages'), named(name));
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const lock = {
    name: named(name),
    fingerprint,
    ...(dependencies.length > 0 && { dependencies: dependencies.map(named) }),
  };
  await writeFile(join(dir, 'spec.lock'), goYaml(lock));
}
