/** Where an artifact comes from. */
export type ArtifactSource =
  /** An upload, in a file that is the task's own. */
  | { kind: 'spooled'; path: string; digest: string | null }
  /** `http:`, `https:` or `file:`; `digest` as a multi-digest. */
  | { kind: 'remote'; location: string; digest: string | null };

/** Arguments of the task `update_release`. */
export interface UpdateReleaseArgs {
  source: ArtifactSource;
  /** Give it the next dev version after those that are here. */
  rebase: boolean;
  /** Replace blobs that are here by those of the upload. */
  fix: boolean;
}

/** Arguments of the task `delete_release`. */
export interface DeleteReleaseArgs {
  name: string;
  /** Null: all of them. */
  version: string | null;
  force: boolean;
}

/** Arguments of the task `update_stemcell`. */
export interface UpdateStemcellArgs {
  source: ArtifactSource;
  fix: boolean;
}

/** Arguments of the task `delete_stemcell`. */
export interface DeleteStemcellArgs {
  name: string;
  version: string;
  /** Forget it even where the infrastructure fails to delete it. */
  force: boolean;
}

/** Arguments of the task `export_release`. */
export interface ExportReleaseArgs {
  deployment: string;
  release: { name: string; version: string };
  stemcell: { os: string; version: string };
  /** Digests as SHA-256; otherwise SHA-1. */
  sha2: boolean;
  /** Empty: all. */
  jobs: readonly string[];
}

/** Arguments of the task `delete_vm`. */
export interface DeleteVmArgs {
  /** Its cid; of one that was given up also its agent's id. */
  name: string;
}

/** Arguments of the task `delete_artifacts`. */
export interface CleanUpArgs {
  removeAll: boolean;
  keepOrphanedDisks: boolean;
}
