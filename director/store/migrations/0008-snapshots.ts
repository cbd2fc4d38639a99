import type { Kysely } from 'kysely';
import type { ColumnTypes } from './column-types.ts';

/** Snapshots of persistent disks, orphaned ones included; and disks are looked for by their cid. */
export async function snapshots(db: Kysely<unknown>, { number }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('snapshots')
    .addColumn('key', 'text', (c) => c.primaryKey())
    .addColumn('cid', 'text')
    .addColumn('disk_key', 'text', (c) => c.notNull())
    .addColumn('cpi', 'text', (c) => c.notNull())
    .addColumn('clean', 'integer', (c) => c.notNull())
    .addColumn('created_at_ms', number, (c) => c.notNull())
    .execute();
  await db.schema.createIndex('snapshots_disk_key').on('snapshots').column('disk_key').execute();
  await db.schema.createIndex('snapshots_cid').on('snapshots').column('cid').execute();
  await db.schema.createIndex('disks_cid').on('disks').column('cid').execute();
}
