import type { Clock } from '../../common/clock.ts';
import { messageOf } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import type { Lease } from '../store/lease.ts';
import type { Store } from '../store/store.ts';
import type { LockRoom } from './lock-room.ts';
import { lockTimeout, TaskCancelled } from './task-errors.ts';

/** Another process may have freed the lock, of which only the database tells. */
const pollMs = 200;

/**
 * The locks of one task.
 *
 * INVARIANTS
 * - A lock belongs to the task: taken twice in it, it is held until it was freed twice.
 * - A task that is given back or lost keeps its locks, since it goes on elsewhere; they end with it.
 */
export class TaskLocks {
  readonly #store: Store;
  readonly #lease: Lease;
  readonly #room: LockRoom;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #lockMs: number;
  readonly #signal: AbortSignal;
  readonly #debug: (line: string) => void;
  readonly #held = new Map<string, number>();
  /** Taking and freeing go one after the other, so that a free can't undo a take that came later. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(of: {
    store: Store;
    lease: Lease;
    room: LockRoom;
    clock: Clock;
    log: Log;
    lockMs: number;
    signal: AbortSignal;
    debug: (line: string) => void;
  }) {
    this.#store = of.store;
    this.#lease = of.lease;
    this.#room = of.room;
    this.#clock = of.clock;
    this.#log = of.log;
    this.#lockMs = of.lockMs;
    this.#signal = of.signal;
    this.#debug = of.debug;
  }

  get heldNames(): string[] {
    return [...this.#held.keys()];
  }

  async with<T>(name: string, waitMs: number, work: () => Promise<T>): Promise<T> {
    await this.#take(name, waitMs);
    try {
      return await work();
    } finally {
      await this.#free(name);
    }
  }

  async #take(name: string, waitMs: number): Promise<void> {
    const deadlineMs = this.#clock.now() + waitMs;
    for (let told = false; ; told = true) {
      this.#signal.throwIfAborted();
      if (await this.#inTurn(() => this.#tryTake(name))) {
        this.#debug(`took ${name}`);
        return;
      }
      const leftMs = deadlineMs - this.#clock.now();
      if (leftMs <= 0) throw await this.#timedOut(name, waitMs);
      if (!told) this.#debug(`waiting for ${name}`);
      await this.#room.waitForChange(name, Math.min(pollMs, leftMs), this.#signal);
    }
  }

  async #tryTake(name: string): Promise<boolean> {
    const held = this.#held.get(name) ?? 0;
    const times = { lockMs: this.#lockMs, nowMs: this.#clock.now() };
    if (held === 0 && !(await this.#store.locks.acquire(name, this.#lease, times))) return false;
    this.#held.set(name, held + 1);
    return true;
  }

  async #free(name: string): Promise<void> {
    const { aborted, reason } = this.#signal;
    if (aborted && !(reason instanceof TaskCancelled)) return; // it goes on elsewhere, and keeps them
    await this.#inTurn(async () => {
      const held = this.#held.get(name) ?? 0;
      if (held > 1) return void this.#held.set(name, held - 1);
      try {
        await this.#store.locks.release(name, this.#lease);
        this.#held.delete(name);
        this.#debug(`freed ${name}`);
        this.#room.freed(name);
      } catch (thrown) {
        // What the work gave or threw counts more; the lock is freed with the end of the task.
        this.#log.warn('lock-not-freed', { task: this.#lease.taskId, lock: name, error: messageOf(thrown) });
      }
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {}); // its caller has it
    return turn;
  }

  async #timedOut(name: string, waitMs: number): Promise<Error> {
    const holder = (await this.#store.locks.list(this.#clock.now())).find((lock) => lock.name === name);
    const holding = holder === undefined ? undefined : await this.#store.tasks.get(holder.taskId);
    return lockTimeout(name, { task: this.#lease.taskId, waitedMs: waitMs, holder, holding });
  }
}
