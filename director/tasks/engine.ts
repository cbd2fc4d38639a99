import type { Clock, Timer } from '../../common/clock.ts';
import { messageOf } from '../../common/errors.ts';
import type { TaskId } from '../../common/ids.ts';
import type { Log } from '../../common/log.ts';
import type { Store } from '../store/store.ts';
import type { Lane, NewTask, Task } from '../store/tasks.ts';
import { wireCodeOf } from '../wire-codes.ts';
import { eventLines } from './event-log.ts';
import { LockRoom } from './lock-room.ts';
import type { TaskHandler } from './task-context.ts';
import { TaskCancelled } from './task-errors.ts';
import { TaskRun } from './task-run.ts';
import type { Waker } from './waker.ts';

export interface EngineOptions {
  /** Names this run of this process: no other one, past or future, may have it. */
  owner: string;
  /** No other process takes tasks from this store, so that whoever left one half done is dead. */
  alone: boolean;
  /** Tasks at a time. BOSH has 3 processes for it; ours only wait, for agents and CPIs, and cost next to nothing. */
  workers?: number;
  /** Besides them, for urgent tasks (ssh, vm listings) only. */
  urgentWorkers?: number;
  /** How long a task stands still after its worker died, where another process goes on with it. */
  leaseMs?: number;
  /** A task is begun anew after crashes, this often in all. */
  attemptsMax?: number;
  /** Whether `record` writes director events (`bosh events`). */
  recordEvents: boolean;
  /** What is kept of the past: ended tasks of each type with their output, and director events. As BOSH. */
  keep?: { tasksOfType: number; events: number };
}

const defaults = {
  workers: 10,
  urgentWorkers: 1,
  leaseMs: 60_000,
  attemptsMax: 3,
  keep: { tasksOfType: 2000, events: 10_000 },
};

/** Finds what no wake-up told of: tasks of other processes, and tasks whose worker died. */
const sweepMs = 1000;
/** Alone there is little to find: only what a claim that failed has left. */
const sweepAloneMs = 5000;
/** Finds what other processes cancelled. */
const cancelPollMs = 500;
/** Between two removals of old tasks and events; the database grows by no more than what comes meanwhile. */
const pruneMs = 600_000;

export interface EngineDeps {
  store: Store;
  clock: Clock;
  log: Log;
  waker: Waker;
  /** By the type of the task. */
  handlers: Readonly<Record<string, TaskHandler>>;
}

/**
 * Runs tasks from the store.
 *
 * INVARIANTS
 * - The store is the truth. Here is only what runs in this process at this moment.
 * - One claim is under way at a time, and only while there is a free worker for what it may bring.
 */
export class TaskEngine {
  readonly #deps: EngineDeps;
  readonly #options: Required<EngineOptions>;
  readonly #room: LockRoom;
  readonly #runs = new Map<TaskId, TaskRun>();
  #state: 'new' | 'running' | 'stopping' = 'new';
  #claiming: Promise<void> | undefined;
  #claimAgain = false;
  #unsubscribe = () => {};
  #pruning: Promise<void> = Promise.resolve();
  readonly #noPruning = new AbortController();
  #timers = new Map<string, Timer>();

  constructor(deps: EngineDeps, options: EngineOptions) {
    this.#deps = deps;
    this.#options = { ...defaults, ...options };
    this.#room = new LockRoom(deps.clock);
  }

  async enqueue(task: NewTask): Promise<Task> {
    const created = await this.#deps.store.tasks.create(task, this.#deps.clock.now());
    this.#deps.waker.wake(task.lane);
    return created;
  }

  /** A waiting task ends at once, a running one as soon as it can. False: it is neither. */
  async cancel(id: TaskId): Promise<boolean> {
    const { store, clock } = this.#deps;
    const asked = await store.atomically(async (inside) => {
      if (!(await inside.tasks.requestCancel(id, clock.now()))) return false;
      const task = await inside.tasks.get(id);
      if (task?.state === 'cancelled') await inside.tasks.appendOutput(id, 'event', this.#cancelledLine(id));
      return true;
    });
    if (asked) this.#runs.get(id)?.cancel();
    return asked;
  }

  async start(): Promise<void> {
    if (this.#state !== 'new') throw new Error('an engine is started once');
    const { store, clock, waker, log } = this.#deps;
    if (this.#options.alone) {
      const left = await store.tasks.expireLeasesOf({ notOwner: this.#options.owner }, clock.now());
      if (left > 0) log.info('tasks-taken-over', { left });
    }
    this.#state = 'running';
    this.#unsubscribe = waker.onWake(() => void this.#claimAll());
    this.#every('sweep', this.#options.alone ? sweepAloneMs : sweepMs, () => this.#claimAll());
    if (!this.#options.alone) this.#every('cancel', cancelPollMs, () => this.#lookForCancelled());
    this.#every('prune', pruneMs, () => (this.#pruning = this.#prune()));
    void this.#claimAll();
  }

  /** Takes no more tasks, asks the running ones to stop, and gives back what has not ended in time. */
  async stop({ graceMs }: { graceMs: number }): Promise<void> {
    this.#state = 'stopping';
    this.#unsubscribe();
    for (const timer of this.#timers.values()) timer.cancel();
    this.#noPruning.abort();
    await this.#pruning.catch(() => {}); // logged
    await this.#claiming;
    for (const run of this.#runs.values()) run.stop();
    await this.#allDoneWithin(graceMs);
    await Promise.all([...this.#runs.values()].map((run) => this.#abandon(run)));
  }

  /** Resolves when nothing runs here and nothing waits that could. */
  async idle(): Promise<void> {
    do {
      await this.#claimAll();
      await Promise.all([...this.#runs.values()].map((run) => run.done));
    } while (this.#runs.size > 0 || this.#claiming !== undefined);
  }

  get running(): TaskId[] {
    return [...this.#runs.keys()];
  }

  /** Takes tasks until there are none or no worker is free. Never rejects. */
  #claimAll(): Promise<void> {
    this.#claimAgain = true;
    this.#claiming ??= this.#claimLoop().finally(() => (this.#claiming = undefined));
    return this.#claiming;
  }

  async #claimLoop(): Promise<void> {
    const { store, clock, log } = this.#deps;
    const { owner, leaseMs } = this.#options;
    try {
      while (this.#claimAgain) {
        this.#claimAgain = false;
        // After a sleep of the whole computer our own tasks are there to be claimed, too: they go on instead.
        await Promise.all([...this.#runs.values()].map((run) => run.keepLease()));
        for (let lanes = this.#freeLanes(); lanes.length > 0; lanes = this.#freeLanes()) {
          const claimed = await store.tasks.claim({ owner, lanes, leaseMs, nowMs: clock.now() });
          if (claimed === undefined) break;
          this.#begin(claimed);
        }
      }
    } catch (thrown) {
      log.error('claim-failed', { error: messageOf(thrown) }); // the sweep tries again
    }
  }

  /** Urgent ones first; they may have every worker, normal ones all but those that are kept for urgent ones. */
  #freeLanes(): Lane[] {
    if (this.#state !== 'running') return [];
    const { workers, urgentWorkers } = this.#options;
    const urgent = [...this.#runs.values()].filter((run) => run.task.lane === 'urgent').length;
    const normal = this.#runs.size - urgent;
    const lanes: Lane[] = [];
    if (normal + urgent < workers + urgentWorkers) lanes.push('urgent');
    if (normal + Math.max(0, urgent - urgentWorkers) < workers) lanes.push('normal');
    return lanes;
  }

  #begin(claimed: NonNullable<Awaited<ReturnType<Store['tasks']['claim']>>>): void {
    const { store, clock, log, handlers } = this.#deps;
    const { leaseMs, attemptsMax, recordEvents } = this.#options;
    const run = new TaskRun(claimed, {
      store,
      clock,
      log,
      handlers,
      room: this.#room,
      leaseMs,
      attemptsMax,
      recordEvents,
    });
    this.#runs.set(run.task.id, run);
    void run.done.then(() => {
      if (this.#runs.get(run.task.id) === run) this.#runs.delete(run.task.id);
      return this.#claimAll();
    });
  }

  async #lookForCancelled(): Promise<void> {
    if (this.#runs.size === 0) return;
    const cancelled = await this.#deps.store.tasks.list({ states: ['cancelling'] });
    for (const { id } of cancelled) this.#runs.get(id)?.cancel();
  }

  async #prune(): Promise<void> {
    const { store, log } = this.#deps;
    const { tasksOfType, events } = this.#options.keep;
    const { signal } = this.#noPruning;
    const pruned = {
      tasks: await store.tasks.prune(tasksOfType, signal),
      events: await store.events.prune(events, signal),
    };
    if (pruned.tasks + pruned.events > 0) log.info('past-pruned', pruned);
  }

  #cancelledLine(id: TaskId): Buffer {
    const lines: string[] = [];
    const cancelled = new TaskCancelled(id);
    eventLines((line) => lines.push(line), this.#deps.clock).error(wireCodeOf(cancelled).code, cancelled.message);
    return Buffer.from(lines.join(''));
  }

  #every(name: string, ms: number, work: () => Promise<void>): void {
    const again = () => {
      if (this.#state === 'running') this.#timers.set(name, this.#deps.clock.after(ms, tick));
    };
    const tick = () => {
      void work()
        .catch((thrown: unknown) => this.#deps.log.error(`${name}-failed`, { error: messageOf(thrown) }))
        .then(again);
    };
    again();
  }

  async #allDoneWithin(graceMs: number): Promise<void> {
    if (this.#runs.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.#deps.clock.after(graceMs, resolve);
      void Promise.all([...this.#runs.values()].map((run) => run.done)).then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  async #abandon(run: TaskRun): Promise<void> {
    this.#deps.log.warn('task-abandoned', { task: run.task.id });
    this.#runs.delete(run.task.id);
    await run
      .abandon()
      .catch((thrown: unknown) =>
        this.#deps.log.error('task-not-given-back', { task: run.task.id, error: messageOf(thrown) }),
      );
  }
}
