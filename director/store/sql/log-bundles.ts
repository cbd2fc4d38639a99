import { type BlobId, id } from '../../../common/ids.ts';
import type { LogBundles } from '../log-bundles.ts';
import { valuePortions } from './rows.ts';
import type { Session } from './session.ts';

export function sqlLogBundles(session: Session): LogBundles {
  return {
    register: (blobId, nowMs) =>
      session.write(async (db) => {
        await db
          .insertInto('log_bundles')
          .values({ blob_id: blobId, created_at_ms: nowMs })
          .onConflict((conflict) => conflict.column('blob_id').doUpdateSet({ created_at_ms: nowMs }))
          .execute();
      }),

    before: (ms, limit) =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('log_bundles')
          .select('blob_id')
          .where('created_at_ms', '<=', ms)
          .orderBy('created_at_ms')
          .limit(limit)
          .execute();
        return rows.map(({ blob_id }) => id<BlobId>(blob_id));
      }),

    forget: (blobIds) =>
      session.write(async (db) => {
        for (const ids of valuePortions(blobIds)) {
          await db.deleteFrom('log_bundles').where('blob_id', 'in', ids).execute();
        }
      }),
  };
}
