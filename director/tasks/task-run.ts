import { setMaxListeners } from 'node:events';
import type { Clock, Timer } from '../../common/clock.ts';
import { messageOf, OperatorError } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import { LeaseLost } from '../store/errors.ts';
import type { Lease } from '../store/lease.ts';
import type { Store } from '../store/store.ts';
import type { Task } from '../store/tasks.ts';
import { wireCodeOf } from '../wire-codes.ts';
import { errorText } from './error-text.ts';
import { Concealed } from './concealed.ts';
import { type EventLines, eventLines } from './event-log.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { LockRoom } from './lock-room.ts';
import { OutputWriter } from './output-writer.ts';
import { resultText } from './result-text.ts';
import type { TaskContext, TaskHandler } from './task-context.ts';
import { DirectorStopping, TaskCancelled, taskGaveUp, taskTypeUnknown } from './task-errors.ts';
import { TaskLocks } from './task-locks.ts';

export interface RunDeps {
  store: Store;
  clock: Clock;
  log: Log;
  handlers: Readonly<Record<string, TaskHandler>>;
  room: LockRoom;
  leaseMs: number;
  attemptsMax: number;
  recordEvents: boolean;
}

type Outcome =
  | { kind: 'done'; result: string | null }
  | { kind: 'error'; error: unknown }
  | { kind: 'cancelled' }
  /** The director stops: somebody goes on with it. */
  | { kind: 'given-back' }
  /** Somebody goes on with it already. */
  | { kind: 'lost' };

/**
 * Everything that waits in a task listens to its signal: agents are asked 200 at a time, each with a call and a timer.
 * Node's own limit of ten takes that for a leak; this one still tells of a real one.
 */
const signalListenersMax = 2_000;

/** Calls of a CPI can't be broken off: whoever cancels a task is told why it doesn't end. */
const cancelToldMs = 5_000;

/** How often the end of a task is tried to be written, a second apart, before its lease is left to run out. */
const endAttemptsMax = 30;
const endRetryMs = 1000;

/**
 * One claimed task, from its claim to its end.
 *
 *   performing  the handler runs, the lease is renewed      -> ending, when it returns or throws
 *   ending      the rest of the output and the terminal state are written in one transaction -> over
 *   over        also from `performing`, when the lease is lost or the run was abandoned: nothing is written
 *
 * INVARIANT: the terminal state and the last byte of the output become visible together.
 */
export class TaskRun {
  readonly task: Task;
  /** Resolves when it is over; never rejects. */
  readonly done: Promise<void>;
  readonly #lease: Lease;
  readonly #deps: RunDeps;
  readonly #log: Log;
  readonly #abort = new AbortController();
  readonly #concealed = new Concealed();
  readonly #output: OutputWriter;
  readonly #events: EventLines;
  readonly #locks: TaskLocks;
  readonly #keeper: LeaseKeeper;
  #abandoned = false;
  #cancelTold: Timer | undefined;

  constructor({ task, lease }: { task: Task; lease: Lease }, deps: RunDeps) {
    this.task = task;
    this.#lease = lease;
    this.#deps = { ...deps, store: deps.store.fencedBy(lease) };
    this.#log = deps.log.with({ task: task.id });
    const { clock } = deps;
    const { store } = this.#deps;
    const signal = this.#abort.signal;
    setMaxListeners(signalListenersMax, signal);
    this.#output = new OutputWriter({
      task: task.id,
      append: (stream, bytes) => store.tasks.appendOutput(task.id, stream, bytes),
      clock,
      log: this.#log,
      onLost: (error) => this.#keeper.lose(error),
    });
    this.#events = eventLines(
      (line) => this.#output.write('event', line),
      clock,
      (text) => this.#concealed.in(text),
    );
    const debug = (line: string) => this.#debug(line);
    this.#locks = new TaskLocks({
      store,
      lease,
      room: deps.room,
      clock,
      log: this.#log,
      lockMs: deps.leaseMs,
      signal,
      debug,
    });
    this.#keeper = new LeaseKeeper({
      store,
      lease,
      leaseMs: deps.leaseMs,
      clock,
      log: this.#log,
      onCancel: () => this.cancel(),
      onLost: (error) => this.#abort.abort(error),
    });
    this.done = this.#run();
  }

  cancel(): void {
    this.#abort.abort(new TaskCancelled(this.task.id));
    const { id } = this.task;
    this.#cancelTold ??= this.#deps.clock.after(cancelToldMs, () =>
      this.#events.warning(
        `task ${id} ends when what is under way has ended, such as calls of the CPI (bosh task ${id} --cpi shows them)`,
      ),
    );
  }

  /** Resolves when its lease lasts, or is known to be lost. */
  keepLease(): Promise<void> {
    return this.#keeper.check().catch(() => {}); // its handler has been told
  }

  /** Asks it to come to a point where somebody else can go on. */
  stop(): void {
    this.#abort.abort(new DirectorStopping());
  }

  /** Gives the task back although its handler still runs; from now on that one can't write. */
  async abandon(): Promise<void> {
    this.#abandoned = true;
    this.#keeper.stop();
    await this.#end({ kind: 'given-back' });
  }

  async #run(): Promise<void> {
    try {
      const outcome = await this.#perform();
      if (!this.#abandoned) await this.#end(outcome);
    } catch (thrown) {
      this.#log.error('task-end-not-written', { error: messageOf(thrown) }); // its lease runs out and it is taken again
    } finally {
      this.#keeper.stop();
      this.#cancelTold?.cancel(); // who cancelled while its end was being written needs no word of it
    }
  }

  async #perform(): Promise<Outcome> {
    const { task } = this;
    if (task.state === 'cancelling') return { kind: 'cancelled' };
    if (task.attempts > this.#deps.attemptsMax) {
      return { kind: 'error', error: taskGaveUp(task, this.#deps.attemptsMax) };
    }
    const handler = Object.hasOwn(this.#deps.handlers, task.type) ? this.#deps.handlers[task.type] : undefined;
    if (handler === undefined) return { kind: 'error', error: taskTypeUnknown(task) };

    this.#log.info('task-started', { type: task.type, attempt: task.attempts });
    this.#debug(`task ${task.id} (${task.description}), attempt ${task.attempts}, on ${this.#lease.owner}`);
    try {
      await this.#tellOfFormerRun();
      return { kind: 'done', result: await handler(this.#context()) };
    } catch (thrown) {
      return this.#outcomeOf(thrown);
    }
  }

  /** Its stages are shown anew below those of the former run: who follows the task is told why. */
  async #tellOfFormerRun(): Promise<void> {
    const { id, attempts } = this.task;
    const shown = await this.#deps.store.tasks.output(id, 'event', { from: 0, bytesMax: 1 });
    if (shown === undefined || shown.size === 0) return;
    const attempt = attempts > 1 ? ` (attempt ${attempts})` : ''; // an orderly stop counts none
    this.#events.warning(
      `The director was restarted: task ${id} goes on${attempt}. Its stages begin anew; what is done already stays done.`,
    );
  }

  /** After an abort the handler may throw anything, such as the error of a call that was cut: the reason counts. */
  #outcomeOf(thrown: unknown): Outcome {
    if (thrown instanceof LeaseLost) return { kind: 'lost' };
    const { aborted, reason } = this.#abort.signal;
    if (!aborted) return { kind: 'error', error: thrown };
    if (thrown !== reason) this.#debug(`stopped with: ${stackOf(thrown)}`);
    if (reason instanceof TaskCancelled) return { kind: 'cancelled' };
    return { kind: reason instanceof DirectorStopping ? 'given-back' : 'lost' };
  }

  async #end(outcome: Outcome): Promise<void> {
    this.#cancelTold?.cancel();
    if (outcome.kind === 'lost') {
      await this.#output.seal();
      return this.#log.warn('task-lost', {});
    }
    const end = this.#describeEnd(outcome);
    const rest = await this.#output.seal();
    await this.#persist(async (store) => {
      for (const { stream, bytes } of rest) await store.tasks.appendOutput(this.task.id, stream, bytes);
      if (end === undefined) return store.tasks.giveBack(this.#lease);
      return store.tasks.finish(this.#lease, { ...end, nowMs: this.#deps.clock.now() });
    });
    if (end !== undefined) for (const name of this.#locks.heldNames) this.#deps.room.freed(name);
    this.#log.info(end === undefined ? 'task-given-back' : 'task-ended', { state: end?.state ?? 'queued' });
  }

  /** Writes the last lines of the output. Undefined: the task doesn't end. */
  #describeEnd(
    outcome: Exclude<Outcome, { kind: 'lost' }>,
  ): { state: 'done' | 'error' | 'cancelled'; result: string | null } | undefined {
    switch (outcome.kind) {
      case 'given-back':
        this.#debug('given back: the director is stopping');
        return undefined;
      case 'done':
        this.#debug('done');
        return { state: 'done', result: outcome.result === null ? null : resultText(outcome.result) };
      case 'cancelled': {
        const cancelled = new TaskCancelled(this.task.id);
        this.#events.error(wireCodeOf(cancelled).code, cancelled.message);
        this.#debug('cancelled');
        return { state: 'cancelled', result: 'task cancelled' };
      }
      case 'error': {
        const { error } = outcome;
        this.#debug(stackOf(error));
        if (!(error instanceof OperatorError))
          this.#log.error('task-bug', { error: this.#concealed.in(stackOf(error)) });
        this.#events.error(wireCodeOf(error).code, errorText(error, this.task.id), error);
        return { state: 'error', result: resultText(this.#concealed.in(messageOf(error))) };
      }
    }
  }

  /** @throws whatever the last attempt threw, or nothing when the lease was lost: then the end is somebody else's */
  async #persist(work: (store: Store) => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#deps.store.atomically(work);
      } catch (thrown) {
        if (thrown instanceof LeaseLost) return this.#log.warn('task-lost', {});
        if (attempt >= endAttemptsMax) throw thrown;
        this.#log.warn('task-end-not-written', { attempt, error: messageOf(thrown) });
        await this.#deps.clock.sleep(endRetryMs);
      }
    }
  }

  #debug(line: string): void {
    this.#output.write('debug', `${new Date(this.#deps.clock.now()).toISOString()} ${this.#concealed.in(line)}\n`);
  }

  #context(): TaskContext {
    const { task } = this;
    const { store, clock, recordEvents } = this.#deps;
    return {
      task,
      store,
      signal: this.#abort.signal,
      events: this.#events,
      conceal: (texts) => this.#concealed.add(texts),
      debug: (line) => this.#debug(line),
      cpi: (text) => this.#output.write('cpi', text),
      result: (text) => this.#output.write('result', text),
      log: this.#log,
      checkpoint: () => this.#abort.signal.throwIfAborted(),
      holds: () => this.#keeper.check(), // not by the signal: one that is aborted keeps its first reason
      withLock: (name, waitMs, work) => this.#locks.with(name, waitMs, work),
      record: async (event) => {
        if (!recordEvents) return 0;
        return store.events.add({
          parentId: event.parentId === undefined || event.parentId === 0 ? null : event.parentId,
          atMs: clock.now(),
          user: task.user,
          action: event.action,
          objectType: event.objectType,
          objectName: event.objectName ?? null,
          error: event.error === undefined ? null : this.#concealed.in(event.error),
          task: String(task.id),
          deployment: event.deployment ?? task.deployment,
          instance: event.instance ?? null,
          context: event.context ?? {},
        });
      },
    };
  }
}

/** With its causes: the debug output is for those who run the director. */
function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause === undefined ? '' : `\ncaused by: ${stackOf(thrown.cause)}`;
  return `${thrown.stack ?? thrown.message}${cause}`;
}
