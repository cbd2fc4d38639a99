import type { Clock, Timer } from '../../common/clock.ts';

/** Calls `work` again and again, `ms` after it has settled, until the returned function is called. It must not reject. */
export function every(clock: Clock, ms: number, work: () => Promise<void> | void): () => void {
  let stopped = false;
  let timer: Timer = clock.after(ms, turn);
  function turn(): void {
    void Promise.resolve(work()).finally(() => {
      if (!stopped) timer = clock.after(ms, turn);
    });
  }
  return () => {
    stopped = true;
    timer.cancel();
  };
}
