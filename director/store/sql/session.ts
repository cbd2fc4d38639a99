import { CompiledQuery, type Kysely, type Transaction } from 'kysely';
import { LeaseLost } from '../errors.ts';
import type { Lease } from '../lease.ts';
import type { Schema } from '../schema.ts';
import { asOperatorError, mayRunAgain } from './database-errors.ts';

export type Db = Kysely<Schema>;
export type DialectName = 'sqlite' | 'postgres';

/** How often a transaction that lost against another one (a deadlock in PostgreSQL) is run anew. */
const attemptsMax = 3;

/** Resolves once all that is committed survives a power cut. */
export type Flush = () => Promise<void>;

/** An open transaction, and the leases that were found to hold in it. */
interface Open {
  readonly trx: Transaction<Schema>;
  readonly checked: Set<Lease>;
}

/**
 * How the repositories reach the database.
 *
 * INVARIANTS
 * - Every write runs in a transaction, the one that is open already or one of its own.
 * - When a write resolves, it is on the disk: "intent first" is worth nothing if a power cut can take the intent back
 *   while the VM that was made by it stays. Others may see it a little earlier; what they commit then comes after it on
 *   the disk too. What may be lost with a power cut (task output, events, renewals of leases and locks) says so and
 *   waits for no disk; a killed process loses none of it, and the next write that does wait takes it along.
 * - Where there is a fence, the transaction has read and locked the task's row before its first write, so nobody can
 *   take the lease over between the check and the commit. On PostgreSQL this also makes the writes of one task
 *   follow each other, which output and locks rely on.
 */
export class Session {
  readonly dialect: DialectName;
  readonly #db: Db;
  readonly #open: Open | undefined;
  readonly #fence: Lease | undefined;
  readonly #flush: Flush;

  constructor(of: { dialect: DialectName; db: Db; flush: Flush; open?: Open | undefined; fence?: Lease | undefined }) {
    this.dialect = of.dialect;
    this.#db = of.db;
    this.#open = of.open;
    this.#fence = of.fence;
    this.#flush = of.flush;
  }

  async read<T>(work: (db: Db) => Promise<T>): Promise<T> {
    try {
      return await work(this.#open?.trx ?? this.#db);
    } catch (thrown) {
      throw asOperatorError(thrown);
    }
  }

  /**
   * `work` may run more than once. @param options.relaxed: a power cut may take it back (never a killed process);
   * for what is written often and made anew or merely nice to have
   */
  async write<T>(work: (db: Db) => Promise<T>, options: { relaxed?: boolean } = {}): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        if (this.#open !== undefined) return await this.#fenced(this.#open, work);
        const run = (trx: Transaction<Schema>) => this.#fenced({ trx, checked: new Set() }, work);
        if (options.relaxed === true) return await this.#relaxed(run);
        return await this.#durably(run);
      } catch (thrown) {
        if (this.#open === undefined && mayRunAgain(thrown) && attempt < attemptsMax) continue;
        throw asOperatorError(thrown);
      }
    }
  }

  /** A session whose reads and writes are one transaction. The session itself, when it is one already. */
  async atomically<T>(work: (session: Session) => Promise<T>): Promise<T> {
    if (this.#open !== undefined) return work(this);
    try {
      return await this.#durably((trx) => work(this.#with({ db: trx, open: { trx, checked: new Set() } })));
    } catch (thrown) {
      throw asOperatorError(thrown);
    }
  }

  fencedBy(fence: Lease): Session {
    return this.#with({ fence });
  }

  #with(of: { db?: Db; open?: Open; fence?: Lease }): Session {
    const { dialect } = this;
    return new Session({
      dialect,
      db: this.#db,
      flush: this.#flush,
      open: this.#open,
      fence: this.#fence,
      ...of,
    });
  }

  /** The connection is free for others while the disk is waited for. */
  async #durably<T>(run: (trx: Transaction<Schema>) => Promise<T>): Promise<T> {
    const result = await this.#db.transaction().execute(run);
    await this.#flush();
    return result;
  }

  async #fenced<T>(open: Open, work: (db: Db) => Promise<T>): Promise<T> {
    if (this.#fence !== undefined && !open.checked.has(this.#fence)) {
      await this.#check(open.trx, this.#fence);
      open.checked.add(this.#fence);
    }
    return work(open.trx);
  }

  async #check(trx: Transaction<Schema>, lease: Lease): Promise<void> {
    const held = await trx
      .selectFrom('tasks')
      .select('id')
      .where('id', '=', lease.taskId)
      .where('lease_owner', '=', lease.owner)
      .where('lease_fence', '=', lease.fence)
      .where('finished_at_ms', 'is', null)
      .$if(this.dialect === 'postgres', (query) => query.forNoKeyUpdate())
      .executeTakeFirst();
    if (held === undefined) throw new LeaseLost(lease);
  }

  async #relaxed<T>(run: (trx: Transaction<Schema>) => Promise<T>): Promise<T> {
    return this.#db.transaction().execute(async (trx) => {
      if (this.dialect === 'postgres') await trx.executeQuery(CompiledQuery.raw('set local synchronous_commit = off'));
      return run(trx);
    });
  }
}
