/**
 * Time, injected. Nothing in the product reads the wall clock or sets a timer but through a Clock, so that
 * the simulator can run a day of deployments in a second and tests never sleep.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fire` once after `ms`, unless cancelled. Never keeps a process alive by itself. */
  after(ms: number, fire: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleepOn(systemClock, ms, signal, true),
  after: (ms, fire) => systemTimer(ms, fire, false),
};

function systemTimer(ms: number, fire: () => void, keepsAlive: boolean): Timer {
  const handle = setTimeout(fire, ms);
  if (!keepsAlive) handle.unref();
  return { cancel: () => clearTimeout(handle) };
}

function sleepOn(clock: Clock, ms: number, signal: AbortSignal | undefined, real: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    const abort = () => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const wake = () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    };
    const timer = real ? systemTimer(ms, wake, true) : clock.after(ms, wake);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/**
 * Time that moves only when it is told to. Timers fire in order of their time, then of their making,
 * so that a run is a function of its inputs.
 */
export class VirtualClock implements Clock {
  #nowMs: number;
  #made = 0;
  readonly #settled: () => Promise<void>;
  readonly #timers: Array<{ atMs: number; made: number; fire: () => void }> = []; // a binary heap

  /** @param settled resolves when all that can happen without time has happened; by default, what promises alone do */
  constructor(startMs = Date.UTC(2030, 0, 1), settled: () => Promise<void> = promisesSettled) {
    this.#nowMs = startMs;
    this.#settled = settled;
  }

  /** Before time moves on. */
  async #settle(): Promise<void> {
    await promisesSettled();
    // What is due at this very moment is no matter of time.
    if (this.#settled !== promisesSettled && (this.#timers[0]?.atMs ?? Infinity) > this.#nowMs) await this.#settled();
  }

  now(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal, false);
  }

  after(ms: number, fire: () => void): Timer {
    const entry = { atMs: this.#nowMs + Math.max(0, ms), made: this.#made++, fire };
    push(this.#timers, entry);
    return {
      cancel: () => {
        entry.fire = () => {};
      },
    };
  }

  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** Moves to the next timer and fires it; false when there is none. */
  step(): boolean {
    const next = pop(this.#timers);
    if (next === undefined) return false;
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.fire();
    return true;
  }

  /** Fires everything that is due within `ms`, letting promises settle in between, then stands at the end of it. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      await this.#settle();
      const next = this.#timers[0];
      if (next === undefined || next.atMs > endMs) break;
      this.step();
    }
    this.#nowMs = endMs;
  }

  /** Runs time forward until `work` has settled. @throws Error when it waits for something that no timer brings */
  async runUntil<T>(work: Promise<T>, limits: { stepsMax?: number } = {}): Promise<T> {
    let done = false;
    const finished = work.finally(() => (done = true));
    finished.catch(() => {}); // the caller awaits it below
    const stepsMax = limits.stepsMax ?? 10_000_000;
    for (let steps = 0; steps < stepsMax; steps++) {
      await this.#settle();
      if (done) return finished;
      if (!this.step()) {
        // Real I/O (a child process, a worker thread) may still be under way: give it real time, a little at a time.
        if (!(await settlesWithin(() => done || this.#timers.length > 0, 30_000))) {
          throw new Error('virtual time stands still: the work waits for something that no timer will bring');
        }
      }
    }
    throw new Error(`virtual time ran ${stepsMax} steps and the work is not done`);
  }
}

/** Lets every promise that can settle without I/O do so. */
async function promisesSettled(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

async function settlesWithin(done: () => boolean, realMs: number): Promise<boolean> {
  const endMs = performance.now() + realMs;
  while (performance.now() < endMs) {
    if (done()) return true;
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }
  return done();
}

type Entry = { atMs: number; made: number; fire: () => void };
const before = (a: Entry, b: Entry) => a.atMs < b.atMs || (a.atMs === b.atMs && a.made < b.made);

function push(heap: Entry[], entry: Entry): void {
  let at = heap.push(entry) - 1;
  while (at > 0) {
    const up = (at - 1) >> 1;
    const parent = heap[up] as Entry; // at > 0, so it has a parent
    if (!before(entry, parent)) break;
    heap[at] = parent;
    at = up;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): Entry | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (top === undefined || last === undefined || heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let down = 2 * at + 1;
    const left = heap[down];
    if (left === undefined) break;
    const right = heap[down + 1];
    if (right !== undefined && before(right, left)) down++;
    const child = heap[down] as Entry; // left exists, so this does
    if (!before(child, last)) break;
    heap[at] = child;
    at = down;
  }
  heap[at] = last;
  return top;
}
