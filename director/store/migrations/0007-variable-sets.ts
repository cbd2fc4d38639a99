import type { Kysely } from 'kysely';
import type { ColumnTypes } from './column-types.ts';

/** Which versions of variables a deployment was deployed with, and each instance, VM and disk was made with. */
export async function variableSets(db: Kysely<unknown>, { number, counted }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('variable_sets')
    .addColumn('id', number, counted)
    .addColumn('deployment', 'text', (c) => c.notNull().references('deployments.name').onDelete('cascade'))
    .addColumn('task_id', number, (c) => c.notNull())
    .addColumn('created_at_ms', number, (c) => c.notNull())
    .addColumn('successful', 'integer', (c) => c.notNull())
    .addUniqueConstraint('variable_sets_of_task', ['deployment', 'task_id'])
    .execute();

  await db.schema
    .createTable('variables')
    .addColumn('set_id', number, (c) => c.notNull().references('variable_sets.id').onDelete('cascade'))
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('provider', 'text', (c) => c.notNull())
    .addColumn('version_id', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('variables_key', ['set_id', 'name', 'provider'])
    .execute();
  await db.schema.createIndex('variables_by_name').on('variables').columns(['name']).execute();

  for (const table of ['instances', 'vms', 'disks']) {
    await db.schema.alterTable(table).addColumn('variable_set_id', number).execute();
    await db.schema.createIndex(`${table}_by_variable_set_id`).on(table).columns(['variable_set_id']).execute();
  }
}
