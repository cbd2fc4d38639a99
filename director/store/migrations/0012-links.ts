import type { Kysely } from 'kysely';
import type { ColumnTypes } from './column-types.ts';

/** What jobs give to and take from others, and what each was told. */
export async function links(db: Kysely<unknown>, { number, counted }: ColumnTypes): Promise<void> {
  for (const table of ['link_providers', 'link_consumers']) {
    const ends = db.schema
      .createTable(table)
      .addColumn('id', number, counted)
      .addColumn('deployment', 'text', (c) => c.notNull().references('deployments.name').onDelete('cascade'))
      .addColumn('owner_type', 'text', (c) => c.notNull())
      .addColumn('group_name', 'text', (c) => c.notNull())
      .addColumn('owner', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('alias', 'text', (c) => c.notNull())
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('current', 'integer', (c) => c.notNull())
      .addUniqueConstraint(`${table}_key`, ['deployment', 'owner_type', 'group_name', 'owner', 'name']);
    await (
      table === 'link_providers'
        ? ends.addColumn('shared', 'integer', (c) => c.notNull()).addColumn('content', 'text')
        : ends.addColumn('optional', 'integer', (c) => c.notNull())
    ).execute();
  }

  // What was told stays told when its provider goes: the consumer runs with it.
  await db.schema
    .createTable('links')
    .addColumn('id', number, counted)
    .addColumn('provider_id', number, (c) => c.references('link_providers.id').onDelete('set null'))
    .addColumn('consumer_id', number, (c) => c.notNull().references('link_consumers.id').onDelete('cascade'))
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('content', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('current', 'integer', (c) => c.notNull())
    .addColumn('created_at_ms', number, (c) => c.notNull())
    .execute();
  for (const column of ['consumer_id', 'provider_id'])
    await db.schema.createIndex(`links_by_${column}`).on('links').column(column).execute();
}
