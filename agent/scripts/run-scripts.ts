import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../common/errors.ts';
import { jobNames } from '../apply-spec.ts';
import { orAbsent } from '../files.ts';
import type { Machine } from '../machine.ts';
import { lastLinesOf, sizeOf } from '../tail.ts';
import { summarizeScripts } from './summary.ts';

/** The jobs of the applied spec that have this script. */
export async function jobsWithScript(machine: Machine, script: string): Promise<string[]> {
  const spec = machine.spec.current();
  const found: string[] = [];
  for (const job of spec === undefined ? [] : jobNames(spec)) {
    if ((await orAbsent(stat(machine.platform.paths.script(job, script)))) !== undefined) found.push(job);
  }
  return found;
}

/**
 * Does `runOne` for all jobs that have the script, side by side, and waits for all of them, whatever becomes of one.
 * @throws ActionFailed `scripts-failed`
 */
export async function inAllJobs(
  machine: Machine,
  script: string,
  runOne: (job: string) => Promise<void>,
): Promise<Record<string, string>> {
  const executed: string[] = [];
  const failed: string[] = [];
  const reasons: string[] = [];
  await Promise.all(
    (await jobsWithScript(machine, script)).map(async (job) => {
      try {
        await runOne(job);
        executed.push(job);
        machine.log.info('script-executed', { job, script });
      } catch (thrown) {
        failed.push(job);
        reasons.push(messageOf(thrown));
        machine.log.warn('script-failed', { job, script, error: messageOf(thrown) });
      }
    }),
  );
  return summarizeScripts(script, { executed, failed, reasons });
}

/**
 * One script of one job, to its end; its output is added to the job's logs.
 * @throws Error when it doesn't exit with 0, with the last lines of its stderr
 */
export async function runScript(
  machine: Machine,
  { job, script, env }: { job: string; script: string; env: Record<string, string> },
  signal: AbortSignal,
): Promise<void> {
  const { paths, run, searchPath } = machine.platform;
  const stderr = join(paths.jobLog(job), `${script}.stderr.log`);
  const from = await sizeOf(stderr); // earlier runs have written there, too
  const { exitCode, endedBy } = await run(paths.script(job, script), {
    env: { PATH: searchPath, ...env },
    stdout: join(paths.jobLog(job), `${script}.stdout.log`),
    stderr,
    signal,
  });
  if (exitCode === 0) return;
  const said = await lastLinesOf(stderr, { from });
  throw new Error(
    `${script} of ${job} ended with ${exitCode ?? endedBy ?? 'a signal'}` +
      (said === '' ? '' : `. The last lines of its stderr:\n${said}`),
  );
}
