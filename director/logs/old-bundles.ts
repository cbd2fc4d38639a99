import type { Clock } from '../../common/clock.ts';
import type { Blobstore } from '../blobs/blobstore.ts';
import type { Store } from '../store/store.ts';

/** As BOSH: long enough for whoever asked, and for whom they showed the task to. */
const keptMs = 10 * 24 * 60 * 60_000;

/** What one fetch deletes on its way: a second of work. */
const deletedMax = 1_000;

/** Deletes bundles of logs that are old. @returns how many */
export async function deleteOldBundles(
  store: Pick<Store, 'logBundles'>,
  blobs: Pick<Blobstore, 'delete'>,
  clock: Pick<Clock, 'now'>,
): Promise<number> {
  const old = await store.logBundles.before(clock.now() - keptMs, deletedMax);
  for (const blobId of old) await blobs.delete(blobId);
  await store.logBundles.forget(old);
  return old.length;
}
