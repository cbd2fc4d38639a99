import { type Kysely, sql, type Transaction } from 'kysely';
import { databaseTooNew } from './errors.ts';
import { initial } from './migrations/0001-initial.ts';
import { orphanedVms } from './migrations/0002-orphaned-vms.ts';
import { problems } from './migrations/0003-problems.ts';
import { errandsAndLogs } from './migrations/0005-errands-and-logs.ts';
import { credentials } from './migrations/0006-credentials.ts';
import { variableSets } from './migrations/0007-variable-sets.ts';
import { snapshots } from './migrations/0008-snapshots.ts';
import { logIns } from './migrations/0010-log-ins.ts';
import { links } from './migrations/0012-links.ts';
import { dns } from './migrations/0013-dns.ts';
import { pastDeploys } from './migrations/0014-past-deploys.ts';
import { type ColumnTypes, columnTypes } from './migrations/column-types.ts';

/** In order, forward only. A released one is never changed or removed. */
const migrations: ReadonlyArray<[name: string, up: (db: Kysely<unknown>, types: ColumnTypes) => Promise<void>]> = [
  ['0001-initial', initial],
  ['0002-orphaned-vms', orphanedVms],
  ['0003-problems', problems],
  ['0005-errands-and-logs', errandsAndLogs],
  ['0006-credentials', credentials],
  ['0007-variable-sets', variableSets],
  ['0008-snapshots', snapshots],
  ['0010-log-ins', logIns],
  ['0012-links', links],
  ['0013-dns', dns],
  ['0014-past-deploys', pastDeploys],
];

/** Any number that nobody else in the database uses for the same purpose. */
const advisoryLock = 0x67616e74;

/**
 * Brings the tables to the newest migration, in one transaction; each runs once, however many directors start at the
 * same time. (Kysely's own Migrator looks for its table in every schema of the server, and finds that of others.)
 *
 * @param of.schema PostgreSQL only; made when it is missing
 * @throws OperatorError `database-too-new`
 */
export async function migrate(
  db: Kysely<unknown>,
  of: { dialect: 'sqlite' | 'postgres'; schema?: string | undefined },
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    if (of.dialect === 'postgres') await sql`select pg_advisory_xact_lock(${advisoryLock})`.execute(trx);
    if (of.schema !== undefined) await sql`create schema if not exists ${sql.id(of.schema)}`.execute(trx);
    await trx.schema
      .createTable('migrations')
      .ifNotExists()
      .addColumn('name', 'text', (column) => column.primaryKey())
      .execute();
    await runPending(trx, columnTypes[of.dialect]);
  });
}

async function runPending(trx: Transaction<unknown>, types: ColumnTypes): Promise<void> {
  const table = trx.withTables<{ migrations: { name: string } }>();
  const done = new Set((await table.selectFrom('migrations').select('name').execute()).map((row) => row.name));
  const known = new Set(migrations.map(([name]) => name));
  const unknown = [...done].find((name) => !known.has(name));
  if (unknown !== undefined) throw databaseTooNew(unknown);
  for (const [name, up] of migrations) {
    if (done.has(name)) continue;
    await up(trx, types);
    await table.insertInto('migrations').values({ name }).execute();
  }
}
