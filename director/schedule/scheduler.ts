import { Cron } from 'croner';
import type { Clock, Timer } from '../../common/clock.ts';
import { messageOf, OperatorError } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import type { Store } from '../store/store.ts';
import type { NewTask } from '../store/tasks.ts';

/** What is done again and again without anybody asking. */
export interface ScheduledJob {
  /** Unique. */
  name: string;
  /** Cron, in UTC: of five fields, or of six with seconds first. */
  schedule: string;
  task: Pick<NewTask, 'type' | 'description' | 'args'>;
  /** Without work no task is made. */
  hasWork(store: Store, nowMs: number): Promise<boolean>;
}

export interface SchedulerDeps {
  store: Store;
  tasks: { enqueue(task: NewTask): Promise<unknown> };
  clock: Clock;
  log: Log;
}

/**
 * INVARIANTS
 * - Of several directors on one store, one makes the task of an occurrence: whoever claims it in the store.
 * - What was missed while no director ran, or while one stood still, is not made up for: the next occurrence is.
 */
export class Scheduler {
  readonly #deps: SchedulerDeps;
  readonly #timers = new Map<string, Timer>();
  #stopped = false;

  constructor(deps: SchedulerDeps, jobs: readonly ScheduledJob[]) {
    this.#deps = deps;
    for (const job of jobs) this.#await(job);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
  }

  #await(job: ScheduledJob): void {
    const { clock } = this.#deps;
    const nowMs = clock.now();
    const next = cronOf(job).nextRun(new Date(nowMs));
    if (next === null || this.#stopped) return; // a schedule whose last moment has passed
    const atMs = next.getTime();
    this.#timers.set(
      job.name,
      clock.after(atMs - nowMs, () => void this.#occur(job, atMs)),
    );
  }

  async #occur(job: ScheduledJob, atMs: number): Promise<void> {
    const { store, tasks, clock, log } = this.#deps;
    try {
      const due = (await job.hasWork(store, clock.now())) && (await store.claimOccurrence(job.name, atMs));
      if (due && !this.#stopped)
        await tasks.enqueue({
          ...job.task,
          lane: 'normal',
          user: 'scheduler',
          deployment: null,
          contextId: '',
          teams: [],
        });
    } catch (thrown) {
      log.error('scheduled-job-failed', { job: job.name, error: messageOf(thrown) });
    }
    this.#await(job);
  }
}

function cronOf({ name, schedule }: ScheduledJob): Cron {
  try {
    return new Cron(schedule, { timezone: 'UTC', paused: true });
  } catch (thrown) {
    throw new OperatorError(`the schedule of ${name}, "${schedule}", cannot be read: ${messageOf(thrown)}`, {
      code: 'schedule-invalid',
      hint: 'Write it as cron in the config file of the director, such as `*/5 * * * *`.',
      details: { job: name, schedule },
    });
  }
}
