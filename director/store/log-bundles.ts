import type { BlobId } from '../../common/ids.ts';

/** Blobs of logs that somebody asked for, until they are old. */
export interface LogBundles {
  register(blobId: BlobId, nowMs: number): Promise<void>;
  /** Oldest first. */
  before(ms: number, limit: number): Promise<BlobId[]>;
  forget(blobIds: readonly BlobId[]): Promise<void>;
}
