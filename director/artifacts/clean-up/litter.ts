import type { BlobId } from '../../../common/ids.ts';
import type { Blobstore } from '../../blobs/blobstore.ts';
import type { Store } from '../../store/store.ts';

/**
 * Younger blobs may be about to be named by a row (an upload, a deploy under way), or are what someone waits for:
 * logs, exported releases.
 */
const litterAgeMsMin = 24 * 60 * 60_000;

/**
 * Deletes blobs that no row names: what killed uploads left, rendered templates of former deploys, old logs.
 * @returns how many
 */
export async function deleteLitter(
  store: Pick<Store, 'referencedBlobs'>,
  blobs: Blobstore,
  { nowMs, checkpoint }: { nowMs: number; checkpoint: () => void },
): Promise<number> {
  const old = new Set<BlobId>();
  for await (const { blobId, modifiedAtMs } of blobs.list()) {
    if (nowMs - modifiedAtMs > litterAgeMsMin) old.add(blobId);
  }
  // Rows are read after the blobs: one that is named meanwhile is found.
  for await (const blobId of store.referencedBlobs()) old.delete(blobId);
  for (const blobId of old) {
    checkpoint();
    await blobs.delete(blobId);
  }
  return old.size;
}
