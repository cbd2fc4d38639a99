import { parseApplySpec } from '../apply-spec.ts';
import { textArgument } from '../arguments.ts';
import { ActionFailed } from '../errors.ts';
import type { Machine } from '../machine.ts';
import { drainJob, shutdownReason, updateReason, type DrainReason } from '../scripts/drain.ts';
import { inAllJobs } from '../scripts/run-scripts.ts';
import type { Action } from './action.ts';

/**
 * Lets jobs wind down before they are stopped. From here on nothing is started again by itself: a drain script may end
 * its process. Waits for dynamic drains itself, so that the result is always 0.
 */
export const drain: Action = async (machine, { args, signal }) => {
  const reason = reasonOf(machine, args);
  machine.supervisor.unmonitor();
  await inAllJobs(machine, 'drain', (job) => drainJob(machine, job, reason, signal));
  signal.throwIfAborted();
  return 0;
};

function reasonOf(machine: Machine, args: readonly unknown[]): DrainReason {
  const current = machine.spec.current();
  const kind = textArgument(args, 0, 'drain type');
  switch (kind) {
    case 'update':
      return updateReason(current, parseApplySpec(args[1]));
    case 'shutdown':
      machine.announceShutdown();
      return shutdownReason(current, args[1] === undefined || args[1] === null ? undefined : parseApplySpec(args[1]));
    default:
      throw new ActionFailed(`drain: unexpected type "${kind}"`, {
        code: 'drain-type-unknown',
        hint: 'It is "update" or "shutdown"; dynamic drains are waited for here, so that nobody needs to ask for "status".',
      });
  }
}
