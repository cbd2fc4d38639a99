import type { Kysely } from 'kysely';
import type { ColumnTypes } from './column-types.ts';

/** Log-ins of users with the director's own issuer of tokens, and the hashes of their refresh tokens. */
export async function logIns(db: Kysely<unknown>, { number, counted }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('log_ins')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('username', 'text', (c) => c.notNull())
    .addColumn('source', 'text', (c) => c.notNull())
    .addColumn('client', 'text', (c) => c.notNull())
    .addColumn('scopes', 'text')
    .addColumn('created_at_ms', number, (c) => c.notNull())
    .addColumn('expires_at_ms', number, (c) => c.notNull())
    .execute();
  await db.schema.createIndex('log_ins_by_username').on('log_ins').column('username').execute();
  await db.schema.createIndex('log_ins_by_expiry').on('log_ins').column('expires_at_ms').execute();
  await db.schema
    .createTable('refresh_tokens')
    .addColumn('id', number, counted)
    .addColumn('hash', 'text', (c) => c.notNull().unique())
    .addColumn('log_in', 'text', (c) => c.notNull().references('log_ins.id').onDelete('cascade'))
    .addColumn('used_at_ms', number)
    .execute();
  await db.schema.createIndex('refresh_tokens_by_log_in').on('refresh_tokens').columns(['log_in', 'id']).execute();
}
