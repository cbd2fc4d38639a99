import { OperatorError } from '../../common/errors.ts';
import type { Clock, Timer } from '../../common/clock.ts';
import type { Log } from '../../common/log.ts';
import { JobRun, LaneSpent, type RenderLimits } from './job-run.ts';
import { AllLanesLost, LaneLost, type Lane } from './lane.ts';
import type { DnsTables, EvaluationInput, JobTemplates, RenderOutcome, TemplateRenderer } from './renderer.ts';

/** Where lanes come from. */
export interface LaneSource {
  start(): Promise<Lane>;
  /** No lane is left: what was kept for the next ones may go. */
  rest(): void;
  /** Ends what is being started; nothing is started any more. */
  close(): void;
}

export interface PoolOptions extends RenderLimits {
  readonly lanesMax: number;
  /** Jobs that wait. A deploy has a few hundred at most. */
  readonly pendingMax: number;
  /** Most directors are idle most of the time, and a Ruby holds some 100 MB. */
  readonly idleMs: number;
}

/** A job on many instances goes through several lanes at once; each has to make a Ruby of its own for it (30 ms). */
const SHARE_INSTANCES_MIN = 100;

/**
 * INVARIANTS
 * - A lane is either in `#idle` or owned by one `#work`; there are never more than `lanesMax`.
 * - Every job that was accepted settles exactly once: with outcomes, or with an OperatorError.
 * - Jobs begin in the order in which they came.
 * - A job is blamed for the loss of all lanes only when no other was at work.
 * - After `close()` has resolved no lane is left, whether it was idle, at work or being started.
 */
export class LanePool implements TemplateRenderer {
  readonly #source: LaneSource;
  readonly #options: PoolOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #pending: Pending[] = [];
  readonly #idle: Array<{ lane: Lane; timer: Timer }> = [];
  readonly #working = new Set<Promise<void>>();
  readonly #lanes = new Set<Lane>();
  /** At work, and waiting until they can be alone. */
  readonly #suspects: Array<() => void> = [];
  #alone = false;
  #rest: Timer | undefined;
  #closed = false;

  constructor(source: LaneSource, options: PoolOptions, { clock, log }: { clock: Clock; log: Log }) {
    this.#source = source;
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  async render(job: JobTemplates, instances: readonly EvaluationInput[], dns?: DnsTables): Promise<RenderOutcome[]> {
    const lanes = Math.min(this.#options.lanesMax, Math.ceil(instances.length / SHARE_INSTANCES_MIN));
    const share = Math.ceil(instances.length / Math.max(1, lanes));
    const shares = Array.from({ length: lanes }, (_, n) => instances.slice(n * share, (n + 1) * share));
    return (await Promise.all(shares.map((some) => this.#renderShare(job, some, dns)))).flat();
  }

  #renderShare(job: JobTemplates, instances: readonly EvaluationInput[], dns?: DnsTables): Promise<RenderOutcome[]> {
    if (this.#closed) return Promise.reject(closed());
    if (this.#pending.length >= this.#options.pendingMax) return Promise.reject(busy(job.name, this.#pending.length));
    return new Promise((resolve, reject) => {
      this.#pending.push({ name: job.name, run: new JobRun(job, instances, dns, this.#options), resolve, reject });
      this.#fill();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#pending.splice(0)) reject(closed());
    for (const { timer } of this.#idle.splice(0)) timer.cancel();
    this.#rest?.cancel();
    this.#source.close();
    for (const go of this.#suspects.splice(0)) go(); // they get no lane
    for (const lane of this.#lanes) lane.listener?.lost(closed()); // once it is stopped nobody would hear of it
    await Promise.all([...this.#lanes].map((lane) => this.#drop(lane)));
    await Promise.all(this.#working); // those that were starting a lane find out and stop it
  }

  #fill(): void {
    if (this.#alone) return;
    if (this.#suspects.length > 0) {
      if (this.#suspects.length < this.#working.size) return;
      this.#alone = true;
      return this.#suspects.shift()?.();
    }
    while (this.#working.size < this.#options.lanesMax) {
      const next = this.#pending.shift();
      if (next === undefined) return;
      this.#rest?.cancel();
      const work = this.#work(next).finally(() => {
        this.#working.delete(work);
        this.#fill();
        this.#restLater();
      });
      this.#working.add(work);
    }
  }

  /** Never rejects. */
  async #work({ name, run, resolve, reject }: Pending): Promise<void> {
    try {
      const ended = (await this.#attempt(name, run, 'first')) || (await this.#attempt(name, run, 'second'));
      if (!ended) await this.#attemptAlone(name, run);
      resolve(run.outcomes);
    } catch (error) {
      reject(error as Error);
    }
  }

  /** Once all others at work are through; until it has ended nobody begins. */
  async #attemptAlone(name: string, run: JobRun): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#suspects.push(resolve);
      this.#fill();
    });
    try {
      await this.#attempt(name, run, 'alone');
    } finally {
      this.#alone = false;
    }
  }

  /** @returns false when the lane was lost and the job should have another */
  async #attempt(name: string, run: JobRun, which: 'first' | 'second' | 'alone'): Promise<boolean> {
    const lane = await this.#take(name);
    try {
      await run.on(lane);
      this.#giveBack(lane);
      return true;
    } catch (error) {
      await this.#drop(lane);
      if (this.#closed) throw closed();
      if (error instanceof LaneSpent) return true;
      if (!(error instanceof LaneLost)) throw error;
      const again = which === 'first' || (which === 'second' && error.cause instanceof AllLanesLost);
      this.#log.warn('ruby-lost', { job: name, reason: error.message, retried: again });
      if (!again && !run.failCrashed(lane, error)) throw rubyLost(name, error);
      return !again;
    }
  }

  async #take(name: string): Promise<Lane> {
    const idle = this.#idle.pop();
    idle?.timer.cancel();
    if (idle !== undefined) return idle.lane;
    let lane: Lane;
    try {
      lane = await this.#source.start();
    } catch (cause) {
      throw this.#closed ? closed() : didNotStart(name, cause);
    }
    this.#lanes.add(lane);
    if (!this.#closed) return lane;
    await this.#drop(lane);
    throw closed();
  }

  #giveBack(lane: Lane): void {
    if (this.#closed) return; // close() stops it
    const timer = this.#clock.after(this.#options.idleMs, () => {
      const at = this.#idle.findIndex((idle) => idle.lane === lane);
      if (at === -1) return;
      this.#idle.splice(at, 1);
      void this.#release(lane);
    });
    this.#idle.push({ lane, timer });
    // An idle lane that ends by itself is not handed out again.
    lane.listener = { answer: () => {}, lost: () => this.#forget(lane, timer) };
  }

  #forget(lane: Lane, timer: Timer): void {
    timer.cancel();
    const at = this.#idle.findIndex((idle) => idle.lane === lane);
    if (at !== -1) this.#idle.splice(at, 1);
    void this.#drop(lane).then(() => this.#restLater());
  }

  async #release(lane: Lane): Promise<void> {
    await this.#drop(lane);
    if (this.#unused) this.#source.rest();
  }

  /** The last lane has ended before its time: the next job may come soon, and has a start to pay as it is. */
  #restLater(): void {
    if (!this.#unused) return;
    this.#rest?.cancel();
    this.#rest = this.#clock.after(this.#options.idleMs, () => this.#source.rest());
  }

  get #unused(): boolean {
    return !this.#closed && this.#lanes.size === 0 && this.#working.size === 0;
  }

  async #drop(lane: Lane): Promise<void> {
    await lane.stop();
    this.#lanes.delete(lane);
  }
}

interface Pending {
  readonly name: string;
  readonly run: JobRun;
  readonly resolve: (outcomes: RenderOutcome[]) => void;
  readonly reject: (error: Error) => void;
}

function closed(): OperatorError {
  return new OperatorError('templates are not rendered any more: the director is shutting down', {
    code: 'renderer-closed',
    retryable: true,
    hint: 'Run the task again when the director is back.',
  });
}

function busy(job: string, pending: number): OperatorError {
  return new OperatorError(`job ${job}: ${pending} jobs already wait to be rendered`, {
    code: 'renderer-busy',
    retryable: true,
    hint: 'Run the task again when others have finished, or raise templates.workers in the director config.',
    details: { job, pending },
  });
}

function rubyLost(job: string, { message: reason }: Error): OperatorError {
  return new OperatorError(`job ${job}: Ruby ended again before a template of the job began: ${reason}`, {
    code: 'ruby-lost',
    retryable: true,
    hint: 'Run the task again. If it stays so, see whether the machine has memory left.',
    details: { job, reason },
  });
}

function didNotStart(job: string, cause: unknown): OperatorError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new OperatorError(`job ${job}: Ruby did not start: ${reason}`, {
    code: 'ruby-did-not-start',
    retryable: true,
    hint: 'See the log for the cause: memory, a disk that is full, or a native Ruby that is not installed.',
    details: { job, reason },
    cause,
  });
}
