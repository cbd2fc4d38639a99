/**
 * The blobstore, as an agent uses it. Which one it is stands in the settings: agent/blobs/from-settings.ts.
 */
export interface Blobs {
  /**
   * Fetches a blob into a file of its own that the caller removes. Any failure is tried again a few times.
   * @param digest a multi-digest; what is fetched is checked against its strongest
   * @throws OperatorError `blob-unavailable` | `digest-mismatch`
   */
  get(blobId: string, digest: string, signal?: AbortSignal): Promise<string>;

  /** Stores a file under a new id. @returns its SHA-1 and SHA-256 as one multi-digest */
  put(path: string, signal?: AbortSignal): Promise<StoredBlob>;
}

export interface StoredBlob {
  blobId: string;
  multidigest: string;
}
