import type { BlobId } from '../../common/ids.ts';

export interface ReleaseVersion {
  id: number;
  name: string;
  version: string;
  commitHash: string;
  uncommittedChanges: boolean;
  /** False while an upload of it is under way or broke off. */
  complete: boolean;
}

export interface ReleaseJob {
  id: number;
  name: string;
  /** BOSH's "version" of a job is its fingerprint. */
  version: string;
  fingerprint: string;
  blobId: BlobId;
  digest: string;
  packages: string[];
  /** job.MF, as JSON: templates, properties, consumes, provides, logs. */
  spec: Record<string, unknown>;
}

export interface ReleasePackage {
  id: number;
  name: string;
  version: string;
  fingerprint: string;
  /** Null: no source was ever uploaded, only compiled forms. */
  blobId: BlobId | null;
  digest: string | null;
  dependencies: string[];
}

export interface CompiledPackage {
  id: number;
  packageId: number;
  stemcellOs: string;
  stemcellVersion: string;
  /** See releases/: the JSON text of the package's transitive dependencies. */
  dependencyKey: string;
  /** Counts per package and stemcell from 1. */
  build: number;
  blobId: BlobId;
  digest: string;
}

export interface ReleaseContents {
  release: ReleaseVersion;
  jobs: ReleaseJob[];
  packages: ReleasePackage[];
}

export interface ReleaseListing {
  name: string;
  /** Oldest version first. */
  versions: Array<ReleaseVersion & { currentlyDeployed: boolean; jobNames: string[] }>;
}

export interface Releases {
  /** By name. */
  list(): Promise<ReleaseListing[]>;
  /** Undefined: no release of this name. */
  listing(name: string): Promise<ReleaseListing | undefined>;
  versions(name: string): Promise<string[]>;
  contents(name: string, version: string): Promise<ReleaseContents | undefined>;
  /** Jobs of any release with this name (and fingerprint). */
  findJobs(filter: { name: string; release?: string; fingerprint?: string }): Promise<ReleaseJob[]>;

  /** What this release has of these fingerprints, in any of its versions. */
  withFingerprints(
    release: string,
    fingerprints: readonly string[],
  ): Promise<{ jobs: ReleaseJob[]; packages: ReleasePackage[] }>;

  /** Makes the release and the version, incomplete. Existing: returned as it is. */
  begin(version: Omit<ReleaseVersion, 'id' | 'complete'>): Promise<ReleaseVersion>;
  complete(releaseVersionId: number): Promise<void>;
  /** Adds a job or package to the release and ties it to the version; an existing one of the same fingerprint is tied. */
  addJob(releaseVersionId: number, job: Omit<ReleaseJob, 'id'>): Promise<ReleaseJob>;
  addPackage(releaseVersionId: number, pkg: Omit<ReleasePackage, 'id'>): Promise<ReleasePackage>;
  setJobBlob(jobId: number, blob: { blobId: BlobId; digest: string }): Promise<void>;
  setPackageBlob(packageId: number, blob: { blobId: BlobId; digest: string }): Promise<void>;

  /** Packages of any release with one of these fingerprints that have a source blob. */
  packagesWithSource(fingerprints: readonly string[]): Promise<ReleasePackage[]>;

  compiledFor(packageIds: readonly number[]): Promise<CompiledPackage[]>;
  /** The compiled forms of packages (of any release) with these fingerprints, with the fingerprint and name. */
  compiledByFingerprint(
    fingerprints: readonly string[],
  ): Promise<Array<CompiledPackage & { name: string; fingerprint: string }>>;
  /** `build` is chosen here. The same package, stemcell and key: the existing one is kept and returned. */
  addCompiled(compiled: Omit<CompiledPackage, 'id' | 'build'>): Promise<CompiledPackage>;
  setCompiledBlob(id: number, blob: { blobId: BlobId; digest: string }): Promise<void>;
  deleteCompiledOf(packageId: number): Promise<BlobId[]>;
  /** Every compiled package, of every release. */
  allCompiled(): Promise<Array<CompiledPackage & { name: string }>>;
  /** Undefined: it is gone already. */
  deleteCompiled(id: number): Promise<BlobId | undefined>;

  /** Which deployments use this version. */
  usedBy(name: string, version: string): Promise<string[]>;
  /** Deletes a version and the jobs and packages that no other version needs. Returns the blobs that nothing refers to now. */
  deleteVersion(name: string, version: string): Promise<BlobId[]>;
  blobExists(blobId: BlobId): Promise<boolean>;
}
