import type { Kysely } from 'kysely';
import type { ColumnTypes } from './column-types.ts';

/** What scans have found wrong with deployments, and what became of it. */
export async function problems(db: Kysely<unknown>, { number, counted }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('problems')
    .addColumn('id', number, counted)
    .addColumn('deployment', 'text', (c) => c.notNull().references('deployments.name').onDelete('cascade'))
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('resource', 'text', (c) => c.notNull())
    .addColumn('agent_id', 'text')
    .addColumn('data', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('created_at_ms', number, (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('problems_by_deployment_state_id')
    .on('problems')
    .columns(['deployment', 'state', 'id'])
    .execute();
}
