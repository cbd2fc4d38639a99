import { type Dialect, Kysely, sql } from 'kysely';
import type { Clock } from '../../common/clock.ts';
import type { OperatorError } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import { migrate } from './migrate.ts';
import type { Schema } from './schema.ts';
import { asOperatorError } from './sql/database-errors.ts';
import { postgresDialect, type PostgresOptions } from './sql/postgres.ts';
import { type DialectName, Session } from './sql/session.ts';
import { sqliteDialect } from './sql/sqlite.ts';
import { sqlStore } from './sql/store.ts';
import { WalFlush } from './sql/wal-flush.ts';
import type { Store } from './store.ts';

/** `path`: the database file, or `:memory:`. One process at a time, see state-lock.ts. */
export type StoreOptions = { kind: 'sqlite'; path: string } | ({ kind: 'postgres' } & PostgresOptions);

export interface StoreDeps {
  clock: Clock;
  log: Log;
  /** Told once, when no write can succeed any more until the database is opened anew. */
  broken?: (error: OperatorError) => void;
}

/**
 * Opens the database and brings its tables up to date.
 * @throws OperatorError `database-unreachable` | `database-too-new` | `database-damaged` | `database-read-only` | `disk-full`
 */
export async function openStore(options: StoreOptions, deps: StoreDeps): Promise<Store> {
  const dialect: DialectName = options.kind;
  const db = new Kysely<Schema>({ dialect: dialectFor(options, deps) });
  try {
    const schema = options.kind === 'postgres' ? options.schema : undefined;
    await migrate(db as Kysely<unknown>, { dialect, schema });
    if (dialect === 'postgres') await warnOfLazyCommits(db, deps.log);
  } catch (thrown) {
    await db.destroy();
    throw asOperatorError(thrown);
  }
  const wal =
    options.kind === 'sqlite' && options.path !== ':memory:' ? new WalFlush(options.path, deps.broken) : undefined;
  return sqlStore(new Session({ dialect, db, flush: () => wal?.flush() ?? Promise.resolve() }), async () => {
    await wal?.close();
    await db.destroy();
  });
}

/**
 * A server that was told to answer before it has written may forget with a power cut what VMs and disks were made of.
 * That is its operator's choice; setting it for each connection would shut out poolers, which refuse start options.
 */
async function warnOfLazyCommits(db: Kysely<Schema>, log: Log): Promise<void> {
  const { rows } = await sql<{ synchronous_commit: string }>`show synchronous_commit`.execute(db);
  if (rows[0]?.synchronous_commit !== 'off') return;
  log.warn('database-commits-lazily', { hint: 'Set synchronous_commit to on for the database of the director.' });
}

function dialectFor(options: StoreOptions, { clock, log }: StoreDeps): Dialect {
  return options.kind === 'sqlite' ? sqliteDialect(options.path, clock) : postgresDialect(options, log);
}
