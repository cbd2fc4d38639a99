import type { Kysely } from 'kysely';
import type { ColumnTypes } from './column-types.ts';

/** Runs of errands, what they have begun on agents, and bundles of logs that wait for somebody to fetch them. */
export async function errandsAndLogs(db: Kysely<unknown>, { number }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('errand_successes')
    .addColumn('deployment', 'text', (c) => c.notNull().references('deployments.name').onDelete('cascade'))
    .addColumn('errand', 'text', (c) => c.notNull())
    .addColumn('state_hash', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('errand_successes_key', ['deployment', 'errand'])
    .execute();

  await db.schema
    .createTable('errand_starts')
    .addColumn('task_id', number, (c) => c.notNull().references('tasks.id').onDelete('cascade'))
    .addColumn('instance_id', 'text', (c) => c.notNull())
    .addColumn('agent_id', 'text', (c) => c.notNull())
    .addColumn('agent_task_id', 'text')
    .addColumn('exit_code', 'integer')
    .addPrimaryKeyConstraint('errand_starts_key', ['task_id', 'instance_id'])
    .execute();

  await db.schema
    .createTable('log_bundles')
    .addColumn('blob_id', 'text', (c) => c.primaryKey())
    .addColumn('created_at_ms', number, (c) => c.notNull())
    .execute();
  await db.schema.createIndex('log_bundles_by_created_at_ms').on('log_bundles').column('created_at_ms').execute();
}
