import type BetterSqlite3 from 'better-sqlite3';
import { Sqlite } from '../better-sqlite3.ts';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { Clock } from '../../../common/clock.ts';
import { databaseBusy } from '../errors.ts';

/**
 * A transaction holds the one connection until its end, so whoever waits longer than this most likely waits for a
 * transaction that waits for him: work inside of `atomically` that uses the store outside of it.
 */
const connectionWaitMs = 30_000;

/** For the rare other process (a backup, the sqlite3 program); the wait blocks our event loop, hence so short. */
const busyTimeoutMs = 250;

/**
 * SQLite through better-sqlite3 (synchronous), on one connection.
 *
 * INVARIANTS
 * - One user of the connection at a time, first come, first served: statements of others never slip into a transaction.
 * - Transactions take the write lock at their begin: none fails in its middle because another process wrote first.
 * - synchronous=NORMAL: a commit is in the log when it returns, where a killed process leaves it whole; who needs it on
 *   the disk waits for wal-flush.ts.
 */
export function sqliteDialect(path: string, clock: Clock): Dialect {
  return {
    createDriver: () => new SqliteDriver(path, clock),
    createAdapter: () => new SqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

class SqliteDriver implements Driver {
  readonly #path: string;
  readonly #clock: Clock;
  #connection: SqliteConnection | undefined;
  #busy = false;
  readonly #waiting: Array<() => void> = [];

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  init(): Promise<void> {
    const db = new Sqlite(this.#path, { timeout: busyTimeoutMs });
    try {
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = NORMAL');
      db.pragma('foreign_keys = ON');
      db.pragma('wal_checkpoint(TRUNCATE)'); // what a former process could not bring to the disk is written anew
    } catch (thrown) {
      db.close();
      return Promise.reject(thrown as Error);
    }
    this.#connection = new SqliteConnection(db, { yields: this.#path !== ':memory:' });
    return Promise.resolve();
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    if (this.#busy) await this.#turn();
    this.#busy = true;
    return this.#open;
  }

  releaseConnection(): Promise<void> {
    const next = this.#waiting.shift();
    if (next === undefined) this.#busy = false;
    else next(); // stays busy: the turn goes straight to the next
    return Promise.resolve();
  }

  async beginTransaction(): Promise<void> {
    this.#open.db.exec('begin immediate');
  }

  async commitTransaction(): Promise<void> {
    this.#open.db.exec('commit');
  }

  async rollbackTransaction(): Promise<void> {
    if (this.#open.db.inTransaction) this.#open.db.exec('rollback'); // a full disk has rolled it back already
  }

  destroy(): Promise<void> {
    this.#connection?.db.close();
    return Promise.resolve();
  }

  get #open(): SqliteConnection {
    if (this.#connection === undefined) throw new Error('Kysely calls init() first');
    return this.#connection;
  }

  #turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const mine = () => {
        timer.cancel();
        resolve();
      };
      const timer = this.#clock.after(connectionWaitMs, () => {
        this.#waiting.splice(this.#waiting.indexOf(mine), 1);
        reject(databaseBusy(connectionWaitMs));
      });
      this.#waiting.push(mine);
    });
  }
}

/** Compiling a statement costs as much as running it; the program has a few hundred, and lists of any length. */
const statementsMax = 500;

/** Others get the event loop at least this often while somebody makes one call after the other. */
const yieldAfterMs = 10;

class SqliteConnection implements DatabaseConnection {
  readonly db: BetterSqlite3.Database;
  readonly #yields: boolean;
  #yieldedAtMs = 0;
  readonly #statements = new Map<string, BetterSqlite3.Statement>();

  /** In memory (rehearsal, tests) it never yields: there a run must be a function of its inputs, not of real time. */
  constructor(db: BetterSqlite3.Database, { yields }: { yields: boolean }) {
    this.db = db;
    this.#yields = yields;
  }

  // async, so that what better-sqlite3 throws is a rejection
  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#yields) await this.#yield();
    const statement = this.#statement(sql);
    if (statement.reader) return { rows: statement.all(parameters) as R[] }; // Kysely's types vouch for it
    const { changes } = statement.run(parameters);
    return { rows: [], numAffectedRows: BigInt(changes) };
  }

  /** Refused: lists are read in pages, so that the event loop breathes. */
  streamQuery(): AsyncIterableIterator<never> {
    throw new Error('read in pages instead of streaming');
  }

  /** Promises of a synchronous database settle without a turn of the event loop: a long run of them would starve it. */
  async #yield(): Promise<void> {
    if (performance.now() - this.#yieldedAtMs < yieldAfterMs) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#yieldedAtMs = performance.now();
  }

  #statement(sql: string): BetterSqlite3.Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    if (this.#statements.size >= statementsMax) this.#statements.clear();
    const statement = this.db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
