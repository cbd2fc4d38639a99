import type { Kysely } from 'kysely';
import type { ColumnTypes } from './column-types.ts';

/** VMs that were given up and may live on, with the addresses that nobody else may have meanwhile. */
export async function orphanedVms(db: Kysely<unknown>, { number }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('orphaned_vms')
    .addColumn('agent_id', 'text', (c) => c.primaryKey())
    .addColumn('cid', 'text')
    .addColumn('cpi', 'text', (c) => c.notNull())
    .addColumn('api_version', 'integer')
    .addColumn('az', 'text')
    .addColumn('deployment', 'text', (c) => c.notNull())
    .addColumn('instance', 'text', (c) => c.notNull())
    .addColumn('addresses', 'text', (c) => c.notNull())
    .addColumn('orphaned_at_ms', number, (c) => c.notNull())
    .execute();
}
