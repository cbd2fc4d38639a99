import type { Log } from '../../common/log.ts';
import type { Store } from '../store/store.ts';
import type { Task } from '../store/tasks.ts';

/**
 * What a task's handler is given. A handler returns the task's result text; throwing ends the task with `error`.
 * It may be called again from the beginning after a crash: it converges, it does not script.
 */
export type TaskHandler = (task: TaskContext) => Promise<string | null>;

export interface TaskContext {
  readonly task: Task;
  /** Fenced: a worker that lost its lease cannot write. */
  readonly store: Store;
  /** Aborted when someone cancels the task, or the lease is lost, or the director stops. */
  readonly signal: AbortSignal;
  readonly events: EventLog;
  /** From here on these are in nothing that the task writes: output, errors, events. Short ones are told all the same. */
  conceal(texts: Iterable<string>): void;
  /** A line in the task's debug output. */
  debug(line: string): void;
  /** Text for the task's cpi output. */
  cpi(text: string): void;
  /** Text for the task's result output. */
  result(text: string): void;
  readonly log: Log;
  /** @throws TaskCancelled when it was asked to end */
  checkpoint(): void;
  /**
   * Before a call to the outside: resolves at once while the lease lasts; else when it is known that nobody has taken
   * the task over. Also after a cancel, whose handler still has to clean up. @throws LeaseLost
   */
  holds(): Promise<void>;
  /**
   * Runs `work` while this task holds a lock. @throws OperatorError `lock-timeout` after `waitMs`, naming the task
   * that holds it
   */
  withLock<T>(name: string, waitMs: number, work: () => Promise<T>): Promise<T>;
  /** An event of the director (`bosh events`), with this task, user and deployment. Returns its id, for `parentId`. */
  record(event: {
    action: string;
    objectType: string;
    objectName?: string | null;
    deployment?: string;
    instance?: string;
    error?: string;
    context?: Record<string, unknown>;
    parentId?: number;
  }): Promise<number>;
}

/**
 * The event stream that clients follow: one JSON object a line, in BOSH's shape
 * (`{time, stage, tags, total, task, index, state, progress}`).
 */
export interface EventLog {
  /** A stage writes nothing by itself; only its tasks do. */
  stage(name: string, total: number | null, tags?: readonly string[]): Stage;
  warning(message: string): void;
  deprecation(message: string): void;
}

export interface Stage {
  /** started, then finished or failed around `work`; indexes count from 1 in order of starting. */
  task<T>(name: string, work: (progress: StageProgress) => Promise<T>): Promise<T>;
}

export interface StageProgress {
  /** Adds to the percentage and shows what is being done, such as `executing pre-stop`. */
  advance(percent: number, status: string): void;
}
