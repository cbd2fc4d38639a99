import { Type, type Static } from 'typebox';

const TextOrNull = Type.Union([Type.String(), Type.Null()]);

export const ReleaseSummary = Type.Object({
  name: Type.String(),
  /** Oldest first. */
  release_versions: Type.Array(
    Type.Object({
      version: Type.String(),
      commit_hash: TextOrNull,
      uncommitted_changes: Type.Boolean(),
      currently_deployed: Type.Boolean(),
      job_names: Type.Array(Type.String()),
    }),
  ),
});
export type ReleaseSummary = Static<typeof ReleaseSummary>;
export const ReleaseList = Type.Array(ReleaseSummary);

/** GET /releases/:name, of all versions. */
export const ReleaseSeries = Type.Object({
  packages: Type.Array(
    Type.Object({
      name: Type.String(),
      sha1: TextOrNull,
      version: Type.String(),
      dependencies: Type.Array(Type.String()),
    }),
  ),
  jobs: Type.Array(
    Type.Object({
      name: Type.String(),
      sha1: Type.String(),
      version: Type.String(),
      packages: Type.Array(Type.String()),
    }),
  ),
  versions: Type.Array(Type.String()),
});
export type ReleaseSeries = Static<typeof ReleaseSeries>;

/** GET /releases/:name?version=. */
export const ReleaseDetails = Type.Object({
  jobs: Type.Array(
    Type.Object({
      name: Type.String(),
      blobstore_id: Type.String(),
      sha1: Type.String(),
      fingerprint: Type.String(),
      consumes: Type.Union([Type.Array(Type.Unknown()), Type.Null()]),
      provides: Type.Union([Type.Array(Type.Unknown()), Type.Null()]),
    }),
  ),
  packages: Type.Array(
    Type.Object({
      name: Type.String(),
      /** Null: only compiled forms are here, and the source would have to be uploaded. */
      blobstore_id: TextOrNull,
      sha1: TextOrNull,
      fingerprint: Type.String(),
      compiled_packages: Type.Array(
        Type.Object({ stemcell: Type.String(), sha1: Type.String(), blobstore_id: Type.String() }),
      ),
    }),
  ),
});
export type ReleaseDetails = Static<typeof ReleaseDetails>;

export interface UploadReleaseQuery {
  rebase?: 'true';
  fix?: 'true';
  sha1?: string;
}

/** For the director to fetch it itself. Stemcells too. */
export const RemoteArtifact = Type.Object({
  location: Type.String({ minLength: 1 }),
  sha1: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});
export type RemoteArtifact = Static<typeof RemoteArtifact>;

export const ExportRequest = Type.Object({
  deployment_name: Type.String(),
  release_name: Type.String(),
  release_version: Type.String(),
  stemcell_os: Type.String(),
  stemcell_version: Type.String(),
  sha2: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  /** Only these, and the packages that they need; empty: all. */
  jobs: Type.Optional(Type.Union([Type.Array(Type.Object({ name: Type.String() })), Type.Null()])),
});
export type ExportRequest = Static<typeof ExportRequest>;

/** The result output of an export: fetch it from /resources. */
export const ExportResult = Type.Object({ blobstore_id: Type.String(), sha1: Type.String() });
export type ExportResult = Static<typeof ExportResult>;

export const JobDetails = Type.Object({ name: Type.String(), fingerprint: Type.String(), spec: Type.Unknown() });
export type JobDetails = Static<typeof JobDetails>;
