import type { Kysely } from 'kysely';
import type { ColumnTypes } from './column-types.ts';

/** The values of our own config server. All that may be secret is in `sealed`. */
export async function credentials(db: Kysely<unknown>, { number, bytes, counted }: ColumnTypes): Promise<void> {
  // A row for each name that has a version: whoever makes the first one of a name finds out here that another was faster.
  await db.schema
    .createTable('credentials')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .execute();

  await db.schema
    .createTable('credential_versions')
    .addColumn('number', number, counted)
    .addColumn('id', 'text', (c) => c.notNull().unique())
    .addColumn('name', 'text', (c) => c.notNull().references('credentials.name').onDelete('cascade'))
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('sealed', bytes, (c) => c.notNull())
    .addColumn('key_id', 'text', (c) => c.notNull())
    .addColumn('metadata', 'text')
    .addColumn('transitional', 'integer', (c) => c.notNull())
    .addColumn('signed_by', 'text')
    .addColumn('signer_version', 'text')
    .addColumn('expires_at_ms', number)
    .addColumn('created_at_ms', number, (c) => c.notNull())
    .execute();
  for (const columns of [['name', 'number'], ['signed_by'], ['expires_at_ms']]) {
    await db.schema
      .createIndex(`credential_versions_by_${columns.join('_')}`)
      .on('credential_versions')
      .columns(columns)
      .execute();
  }
}
