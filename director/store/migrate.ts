import { type Kysely, type Migration, Migrator } from 'kysely';
import { databaseTooNew } from './errors.ts';
import { initial } from './migrations/0001-initial.ts';
import { type ColumnTypes, columnTypes } from './migrations/column-types.ts';

/** In order, forward only. A released one is never changed or removed. */
const migrations: ReadonlyArray<[name: string, up: (db: Kysely<unknown>, types: ColumnTypes) => Promise<void>]> = [
  ['0001-initial', initial],
];

/**
 * Brings the tables to the newest migration; each runs once, however many directors start at the same time.
 * @throws OperatorError `database-too-new`
 */
export async function migrate(db: Kysely<unknown>, dialect: 'sqlite' | 'postgres'): Promise<void> {
  const list: Record<string, Migration> = {};
  for (const [name, up] of migrations) {
    list[name] = { up: (on: Kysely<unknown>) => up(on, columnTypes[dialect]) };
  }
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(list) } });
  await refuseNewer(db);
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

async function refuseNewer(db: Kysely<unknown>): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === 'kysely_migration')) return;
  const known = new Set(migrations.map(([name]) => name));
  const done = await (db as Kysely<{ kysely_migration: { name: string } }>) // the Migrator's own table
    .selectFrom('kysely_migration')
    .select('name')
    .orderBy('name')
    .execute();
  const unknown = done.find((row) => !known.has(row.name));
  if (unknown !== undefined) throw databaseTooNew(unknown.name);
}
