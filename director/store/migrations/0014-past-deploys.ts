import type { Kysely } from 'kysely';
import type { ColumnTypes } from './column-types.ts';

/** What deployments were after each of their last successful deploys: what a rollback goes back to. */
export async function pastDeploys(db: Kysely<unknown>, { number, bytes }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('past_deploys')
    .addColumn('deployment', 'text', (c) => c.notNull().references('deployments.name').onDelete('cascade'))
    .addColumn('task_id', number, (c) => c.notNull())
    .addColumn('at_ms', number, (c) => c.notNull())
    .addColumn('username', 'text', (c) => c.notNull())
    .addColumn('manifest', bytes, (c) => c.notNull())
    .addColumn('cloud_config_ids', 'text', (c) => c.notNull())
    .addColumn('runtime_config_ids', 'text', (c) => c.notNull())
    .addColumn('versions', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('past_deploys_key', ['deployment', 'task_id'])
    .execute();
}
