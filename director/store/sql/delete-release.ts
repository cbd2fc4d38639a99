import { type BlobId, id } from '../../../common/ids.ts';
import { valuePortions } from './rows.ts';
import type { Db } from './session.ts';

/** Returns the blobs that nothing refers to any more. */
export async function deleteReleaseVersion(db: Db, name: string, version: string): Promise<BlobId[]> {
  const row = await db
    .selectFrom('release_versions')
    .innerJoin('releases', 'releases.id', 'release_id')
    .select(['release_versions.id', 'release_id'])
    .where('releases.name', '=', name)
    .where('version', '=', version)
    .executeTakeFirst();
  if (row === undefined) return [];
  const release = row.release_id;
  await db.deleteFrom('release_versions').where('id', '=', row.id).execute(); // and its ties to jobs and packages

  const jobs = await db
    .deleteFrom('release_jobs')
    .where('release_id', '=', release)
    .where('id', 'not in', (sub) => sub.selectFrom('release_version_jobs').select('job_id'))
    .returning('blob_id')
    .execute();
  const unneeded = db
    .selectFrom('packages')
    .select('id')
    .where('release_id', '=', release)
    .where('id', 'not in', (sub) => sub.selectFrom('release_version_packages').select('package_id'));
  const compiled = await db
    .deleteFrom('compiled_packages')
    .where('package_id', 'in', unneeded)
    .returning('blob_id')
    .execute();
  const packages = await db.deleteFrom('packages').where('id', 'in', unneeded).returning('blob_id').execute();
  await db
    .deleteFrom('releases')
    .where('id', '=', release)
    .where('id', 'not in', (sub) => sub.selectFrom('release_versions').select('release_id'))
    .execute();

  const gone = new Set(
    [...jobs, ...compiled, ...packages].map(({ blob_id }) => blob_id).filter((blob) => blob !== null),
  );
  const kept = await blobReferenced(db, [...gone]);
  return [...gone].filter((blob) => !kept.has(blob)).map((blob) => id<BlobId>(blob));
}

/** Those of these blobs that a job, a package or a compiled package refers to. */
export async function blobReferenced(db: Db, blobs: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>();
  for (const portion of valuePortions(blobs)) {
    for (const table of ['release_jobs', 'packages', 'compiled_packages'] as const) {
      const rows = await db.selectFrom(table).select('blob_id').where('blob_id', 'in', portion).execute();
      for (const { blob_id } of rows) if (blob_id !== null) found.add(blob_id);
    }
  }
  return found;
}
