import { isPlainName } from '../apply-spec.ts';
import { textArgument } from '../arguments.ts';
import { ActionFailed } from '../errors.ts';
import { inAllJobs, runScript as runOne } from '../scripts/run-scripts.ts';
import { isRecord, valueAt } from '../shape.ts';
import type { Action } from './action.ts';

/** `pre-start`, `post-start`, `post-deploy`, `pre-stop`, `post-stop` or any other script of all jobs that have it. */
export const runScript: Action = async (machine, { args, signal }) => {
  const script = textArgument(args, 0, 'name');
  if (!isPlainName(script))
    throw new ActionFailed(`"${script}" is not the name of a script`, { code: 'script-refused' });
  const given = valueAt(args[1], 'env');
  const env = Object.fromEntries(
    Object.entries(isRecord(given) ? given : {}).map(([name, value]) => [name, String(value)]),
  );
  const results = await inAllJobs(machine, script, (job) => runOne(machine, { job, script, env }, signal));
  signal.throwIfAborted();
  return results;
};
