import type { Action } from './action.ts';

/** Powers the machine off. Nobody waits for the answer. */
export const shutdown: Action = (machine) => {
  machine.halt();
  return null;
};
