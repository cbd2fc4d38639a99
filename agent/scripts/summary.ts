import { ActionFailed } from '../errors.ts';

/** Of how many failures it is told what they were; the others are named. */
const reasonsMax = 5;

/**
 * What became of one script in all jobs, as BOSH says it; then `reasons`, which BOSH's agent keeps to its log.
 * @returns per job `executed`
 * @throws ActionFailed `scripts-failed` naming the failed and the successful jobs, when any failed
 */
export function summarizeScripts(
  script: string,
  {
    executed,
    failed,
    reasons = [],
  }: { executed: readonly string[]; failed: readonly string[]; reasons?: readonly string[] },
): Record<string, string> {
  if (failed.length === 0) return Object.fromEntries(executed.map((job) => [job, 'executed']));
  const successful = executed.length === 0 ? '' : ` Successful Jobs: ${executed.join(', ')}.`;
  throw new ActionFailed(
    `${failed.length} of ${failed.length + executed.length} ${script} scripts failed. ` +
      [`Failed Jobs: ${failed.join(', ')}.${successful}`, ...reasons.slice(0, reasonsMax)].join('\n'),
    { code: 'scripts-failed', details: { script, failed, executed } },
  );
}
