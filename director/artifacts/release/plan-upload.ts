import type { BlobId } from '../../../common/ids.ts';
import type { CompiledPackageRef, JobRef, PackageRef, ReleaseManifest } from '../../../releases/release-manifest.ts';
import type { CompiledPackage, ReleaseContents, ReleaseJob, ReleasePackage } from '../../store/releases.ts';
import { commitMismatch, fingerprintMismatch } from '../errors.ts';

export interface BlobRef {
  blobId: BlobId;
  digest: string;
}

/**
 * What becomes of the bits of one part.
 *   keep   the release has them already
 *   copy   something else has the same ones (by fingerprint): no need for those in the tarball, if they are there at
 *          all. A copy, since whoever deletes the other thing at this moment takes its blob along
 *   store  those of the tarball; `replaces` what is stored now
 */
export type Fate =
  { kind: 'keep'; blob: BlobRef } | { kind: 'copy'; blob: BlobRef } | { kind: 'store'; replaces: BlobRef | null };

export function fateOf(found: { here: BlobRef | null; elsewhere: BlobRef | null; fix: boolean }): Fate {
  const { here, elsewhere, fix } = found;
  if (fix) return { kind: 'store', replaces: here };
  if (here !== null) return { kind: 'keep', blob: here };
  return elsewhere === null ? { kind: 'store', replaces: null } : { kind: 'copy', blob: elsewhere };
}

export interface PlannedJob {
  ref: JobRef;
  here: ReleaseJob | null;
  fate: Fate;
}

export interface PlannedPackage {
  ref: PackageRef;
  /** The release has it, with source or without. */
  here: ReleasePackage | null;
  fate: Fate;
}

export interface Found {
  /** Of this release, in any version. */
  jobs: readonly ReleaseJob[];
  packages: readonly ReleasePackage[];
  /** Of any release. */
  withSource: readonly ReleasePackage[];
}

export function planJobs({ jobs }: ReleaseManifest, found: Found, fix: boolean): PlannedJob[] {
  return jobs.map((ref) => {
    const here = found.jobs.find((job) => job.name === ref.name && job.fingerprint === ref.fingerprint) ?? null;
    return { ref, here, fate: fateOf({ here, elsewhere: null, fix }) };
  });
}

/** Of a source release. */
export function planPackages({ packages }: ReleaseManifest, found: Found, fix: boolean): PlannedPackage[] {
  return packages.map((ref) => {
    const here = packageHere(ref, found);
    const elsewhere = found.withSource.find((each) => each.fingerprint === ref.fingerprint);
    return { ref, here, fate: fateOf({ here: sourceOf(here), elsewhere: sourceOf(elsewhere ?? null), fix }) };
  });
}

export function packageHere(ref: PackageRef, found: Pick<Found, 'packages'>): ReleasePackage | null {
  return found.packages.find((each) => each.name === ref.name && each.fingerprint === ref.fingerprint) ?? null;
}

function sourceOf(pkg: ReleasePackage | null): BlobRef | null {
  if (pkg === null || pkg.blobId === null || pkg.digest === null) return null;
  return { blobId: pkg.blobId, digest: pkg.digest };
}

export interface PlannedCompiled {
  ref: CompiledPackageRef;
  packageId: number;
  stemcellOs: string;
  stemcellVersion: string;
  dependencyKey: string;
  here: CompiledPackage | null;
  fate: Fate;
}

/** The compiled packages that are here already, of the release itself and of others with the same fingerprints. */
export interface FoundCompiled {
  own: readonly CompiledPackage[];
  any: ReadonlyArray<CompiledPackage & { name: string; fingerprint: string }>;
}

export function planCompiled(
  ref: CompiledPackageRef,
  at: { packageId: number; dependencyKey: string },
  found: FoundCompiled,
  fix: boolean,
): PlannedCompiled {
  const [stemcellOs = '', stemcellVersion = ''] = ref.stemcell.split('/');
  const fits = (one: CompiledPackage) =>
    one.stemcellOs === stemcellOs && one.stemcellVersion === stemcellVersion && one.dependencyKey === at.dependencyKey;
  const here = found.own.find((one) => one.packageId === at.packageId && fits(one)) ?? null;
  const elsewhere =
    found.any.find((one) => one.name === ref.name && one.fingerprint === ref.fingerprint && fits(one)) ?? null;
  return { ref, ...at, stemcellOs, stemcellVersion, here, fate: fateOf({ here, elsewhere, fix }) };
}

/**
 * A version that is here already must be the same release as the one that comes.
 * @throws OperatorError `release-commit-hash-mismatch` | `release-job-fingerprint-mismatch` | `release-package-fingerprint-mismatch`
 */
export function checkSameRelease(manifest: ReleaseManifest, { release, jobs, packages }: ReleaseContents): void {
  const name = `${release.name}/${release.version}`;
  const uploaded = commitOf(manifest);
  if (release.commitHash !== uploaded.commitHash || release.uncommittedChanges !== uploaded.uncommittedChanges) {
    throw commitMismatch(name, release, uploaded);
  }
  const refs = manifest.compiled ? manifest.compiledPackages : manifest.packages;
  for (const ref of refs) {
    const other = packages.find((each) => each.name === ref.name && each.fingerprint !== ref.fingerprint);
    if (other !== undefined) throw fingerprintMismatch('package', ref.name, name);
  }
  for (const ref of manifest.jobs) {
    const other = jobs.find((job) => job.name === ref.name && job.fingerprint !== ref.fingerprint);
    if (other !== undefined) throw fingerprintMismatch('job', ref.name, name);
  }
}

export function commitOf(manifest: ReleaseManifest): { commitHash: string; uncommittedChanges: boolean } {
  return { commitHash: manifest.commitHash ?? '', uncommittedChanges: manifest.uncommittedChanges ?? false };
}
