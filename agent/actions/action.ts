import type { Call } from '../dispatch.ts';
import type { Machine } from '../machine.ts';

/** One method of the agent. What it throws becomes the exception that the director gets. */
export type Action = (machine: Machine, call: Call) => unknown;
