import type { Clock } from '../../common/clock.ts';

/** Where tasks of this process wait for a lock: they try again when one of us frees it, or after a while. */
export class LockRoom {
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects with the signal's reason when it is aborted. */
  waitForChange(name: string, waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const waiting = this.#waiting.get(name) ?? new Set();
      this.#waiting.set(name, waiting);
      const leave = () => {
        timer.cancel();
        signal.removeEventListener('abort', abort);
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(name);
      };
      const wake = () => {
        leave();
        resolve();
      };
      const abort = () => {
        leave();
        reject(signal.reason as Error);
      };
      const timer = this.#clock.after(waitMs, wake);
      signal.addEventListener('abort', abort, { once: true });
      waiting.add(wake);
    });
  }

  /** In the order of their coming; the first one to reach the database gets it. */
  freed(name: string): void {
    for (const wake of this.#waiting.get(name) ?? []) wake();
  }
}
