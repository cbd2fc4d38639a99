import type { Lane } from '../store/tasks.ts';

/**
 * Tells workers that a task waits. Nothing is lost when a wake-up is: the truth is in the store, and every engine
 * looks there by itself now and then. So it may be anything from this function call to a message queue.
 */
export interface Waker {
  wake(lane: Lane): void;
  /** Returns how to end it. */
  onWake(wake: (lane: Lane) => void): () => void;
}

/** For one process. */
export function embeddedWaker(): Waker {
  const listeners = new Set<(lane: Lane) => void>();
  return {
    wake: (lane) => {
      for (const listener of listeners) listener(lane);
    },
    onWake: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
