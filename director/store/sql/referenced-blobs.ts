import { type BlobId, id } from '../../../common/ids.ts';
import { fromJson } from './rows.ts';
import type { Session } from './session.ts';

const pageRows = 1000;
/** A spec has tens of kilobytes. */
const specPageRows = 100;

/**
 * What releases are made of, what the last applied specs name (rendered templates, compiled packages), what machines are
 * told of each other's names, and bundles of logs until they are old. Exported releases are not here: they are for whoever
 * asked, and go when they are old.
 */
export async function* referencedBlobs(session: Session): AsyncGenerator<BlobId> {
  for (const table of ['release_jobs', 'packages', 'compiled_packages'] as const) {
    for (let after = 0; ;) {
      const rows = await session.read((db) =>
        db.selectFrom(table).select(['id', 'blob_id']).where('id', '>', after).orderBy('id').limit(pageRows).execute(),
      );
      for (const { blob_id } of rows) if (blob_id !== null) yield id<BlobId>(blob_id);
      const last = rows.at(-1);
      if (last === undefined || rows.length < pageRows) break;
      after = last.id;
    }
  }
  yield* logBundles(session);
  const versions = await session.read((db) => db.selectFrom('dns_blobs').select('blob_id').execute());
  for (const { blob_id } of versions) if (blob_id !== null) yield id<BlobId>(blob_id);
  for (let after = 0; ;) {
    const rows = await session.read((db) =>
      db
        .selectFrom('instances')
        .select(['number', 'spec'])
        .where('number', '>', after)
        .where('spec', 'is not', null)
        .orderBy('number')
        .limit(specPageRows)
        .execute(),
    );
    for (const { spec } of rows) if (spec !== null) yield* blobsIn(fromJson(spec));
    const last = rows.at(-1);
    if (last === undefined || rows.length < specPageRows) return;
    after = last.number;
  }
}

async function* logBundles(session: Session): AsyncGenerator<BlobId> {
  for (let after = ''; ;) {
    const rows = await session.read((db) =>
      db
        .selectFrom('log_bundles')
        .select('blob_id')
        .where('blob_id', '>', after)
        .orderBy('blob_id')
        .limit(pageRows)
        .execute(),
    );
    for (const { blob_id } of rows) yield id<BlobId>(blob_id);
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageRows) return;
    after = last.blob_id;
  }
}

/** Every `blobstore_id` in an agent's spec, wherever it is. */
function* blobsIn(value: unknown): Generator<BlobId> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'blobstore_id' && typeof inner === 'string') yield id<BlobId>(inner);
    else yield* blobsIn(inner);
  }
}
