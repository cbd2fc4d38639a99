import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { jobNames } from '../apply-spec.ts';
import { textArgument } from '../arguments.ts';
import { ActionFailed } from '../errors.ts';
import type { Machine } from '../machine.ts';
import type { ErrandResult } from '../protocol.ts';
import { tailOf } from '../tail.ts';
import type { Action } from './action.ts';

/** Runs `bin/run` of a job. Whatever it exits with is a result; cancelled, it is one too. */
export const runErrand: Action = async (machine, { args, signal }): Promise<ErrandResult> => {
  const { paths, run, searchPath } = machine.platform;
  const job = errandJob(machine, args);
  const output = join(paths.temporary, `errand-${machine.chance.uuid()}`);
  const errors = `${output}.err`;
  const script = paths.script(job, 'run');
  try {
    const outcome = await run(script, {
      env: { PATH: searchPath },
      stdout: output,
      stderr: errors,
      signal,
    }).catch((thrown: unknown) => {
      if (signal.aborted) return { exitCode: null };
      throw isAbsent(thrown) ? noScript(job, script) : thrown;
    });
    return {
      stdout: await tailOf(output, outputBytesMax),
      stderr: await tailOf(errors, outputBytesMax),
      exit_code: outcome.exitCode ?? endedBySignal,
    };
  } finally {
    await rm(output, { force: true });
    await rm(errors, { force: true });
  }
};

function isAbsent(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}

/** BOSH's words, but for Go's. */
function noScript(job: string, script: string): ActionFailed {
  return new ActionFailed(`Running errand script: ${script}: no such file or directory`, {
    code: 'errand-without-script',
    hint: `Job ${job} has no bin/run, so it is no errand.`,
    details: { job, script },
  });
}

function errandJob({ spec }: Machine, args: readonly unknown[]): string {
  const current = spec.current();
  const jobs = current === undefined ? [] : jobNames(current);
  const job = args[0] === undefined ? jobs[0] : textArgument(args, 0, 'job');
  if (job === undefined) throw new ActionFailed('run_errand: this instance has no jobs', { code: 'errand-unknown' });
  if (jobs.includes(job)) return job;
  throw new ActionFailed(`run_errand: could not find errand ${job}`, {
    code: 'errand-unknown',
    details: { job, jobs },
  });
}

/** Of each stream, so that both fit a message even where JSON writes two bytes for one. */
const outputBytesMax = 240_000;
/** As a shell says it of SIGTERM. */
const endedBySignal = 143;
