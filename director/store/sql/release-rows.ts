import type { Selectable } from 'kysely';
import { type BlobId, id } from '../../../common/ids.ts';
import type { CompiledPackage, ReleaseJob, ReleasePackage, ReleaseVersion } from '../releases.ts';
import type { CompiledPackageTable, PackageTable, ReleaseJobTable, ReleaseVersionTable } from '../schema.ts';
import { fromJson, unflag } from './rows.ts';

export function toReleaseVersion(row: Selectable<ReleaseVersionTable>, name: string): ReleaseVersion {
  return {
    id: row.id,
    name,
    version: row.version,
    commitHash: row.commit_hash,
    uncommittedChanges: unflag(row.uncommitted_changes),
    complete: unflag(row.complete),
  };
}

export function toReleaseJob(row: Selectable<ReleaseJobTable>): ReleaseJob {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    fingerprint: row.fingerprint,
    blobId: id<BlobId>(row.blob_id),
    digest: row.digest,
    packages: fromJson(row.packages),
    spec: fromJson(row.spec),
  };
}

export function toReleasePackage(row: Selectable<PackageTable>): ReleasePackage {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    fingerprint: row.fingerprint,
    blobId: row.blob_id === null ? null : id<BlobId>(row.blob_id),
    digest: row.digest,
    dependencies: fromJson(row.dependencies),
  };
}

export function toCompiledPackage(row: Selectable<CompiledPackageTable>): CompiledPackage {
  return {
    id: row.id,
    packageId: row.package_id,
    stemcellOs: row.stemcell_os,
    stemcellVersion: row.stemcell_version,
    dependencyKey: row.dependency_key,
    build: row.build,
    blobId: id<BlobId>(row.blob_id),
    digest: row.digest,
  };
}
