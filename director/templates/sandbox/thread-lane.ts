import { Worker } from 'node:worker_threads';
import type { Progress } from '../lane.ts';
import type { SeedTask } from './process-protocol.ts';
import { PROGRESS, type FromWorker, type Seed, type ToWorker, type WorkerTask } from './worker-protocol.ts';

/** JavaScript's own share; Ruby's memory is limited by its module. */
const HEAP_MIB_MAX = 128;

export interface ThreadListener {
  readonly answer: (bytes: Uint8Array) => void;
  /** All answers to a request have been handed over. */
  readonly served: () => void;
  readonly lost: (cause: Error) => void;
}

/** A thread with one sealed Ruby at a time in it. */
export class ThreadLane {
  listener: ThreadListener | undefined;
  readonly #worker: Worker;
  readonly #progress: Int32Array;
  #lost: Error | undefined;

  private constructor(worker: Worker, progress: Int32Array) {
    this.#worker = worker;
    this.#progress = progress;
    this.#reset();
    const lose = (cause: Error) => {
      this.#lost ??= cause;
      this.listener?.lost(cause);
    };
    worker.on('error', lose);
    worker.on('exit', () => lose(new Error('its thread has ended')));
    worker.on('message', (message: FromWorker) => {
      if (message instanceof Uint8Array) this.listener?.answer(message);
      else if (message === 'served') this.listener?.served();
      else if (typeof message === 'object' && 'broken' in message) lose(new Error(message.broken));
    });
  }

  static async start(workerUrl: URL, seed: Seed): Promise<ThreadLane> {
    const progress = new SharedArrayBuffer(PROGRESS.length * Int32Array.BYTES_PER_ELEMENT);
    const worker = startWorker(workerUrl, { kind: 'serve', seed, progress });
    await firstMessage(worker);
    return new ThreadLane(worker, new Int32Array(progress));
  }

  begin(): void {
    this.#reset();
    this.#post('begin');
  }

  send(request: Uint8Array): void {
    const lost = this.#lost;
    if (lost === undefined) return this.#post(request);
    queueMicrotask(() => this.listener?.lost(lost));
  }

  progress(): Progress {
    return {
      rendersBegun: Atomics.load(this.#progress, PROGRESS.rendersBegun),
      instance: Atomics.load(this.#progress, PROGRESS.instance),
      source: Atomics.load(this.#progress, PROGRESS.source),
    };
  }

  async stop(): Promise<void> {
    this.listener = undefined;
    this.#lost ??= new Error('it was stopped');
    await this.#worker.terminate();
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #reset(): void {
    Atomics.store(this.#progress, PROGRESS.instance, -1);
    Atomics.store(this.#progress, PROGRESS.source, -1);
  }
}

/** Runs the thread that makes the seed, and ends it. What it used for starting Ruby (540 MB) goes with it. */
export async function seedInThread(workerUrl: URL, task: SeedTask): Promise<Seed> {
  const worker = startWorker(workerUrl, { kind: 'seed', task });
  try {
    const message = await firstMessage(worker);
    if (typeof message === 'object' && 'seed' in message) return message.seed;
    throw new Error('the thread did not make a seed');
  } finally {
    await worker.terminate();
  }
}

function startWorker(url: URL, task: WorkerTask): Worker {
  return new Worker(url, {
    workerData: task,
    env: {},
    stdin: false,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX },
  });
}

function firstMessage(worker: Worker): Promise<FromWorker> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the thread ended with ${code} before it was ready`)));
  });
}
