import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../machine.ts';
import type { ApplySpec } from '../protocol.ts';
import { tailOf } from '../tail.ts';

/** What a drain script is told: why it runs, as arguments and environment. */
export interface DrainReason {
  args: string[];
  env: Record<string, string>;
}

export function updateReason(current: ApplySpec | undefined, next: ApplySpec): DrainReason {
  const jobs = current?.job?.templates ?? [];
  const updated = Object.values(next.packages ?? {})
    .filter((ref) => current?.packages?.[ref.name]?.sha1 !== ref.sha1)
    .map((ref) => ref.name)
    .sort();
  return {
    args: [jobs.length === 0 ? 'job_new' : 'job_changed', hashChange(current, next), ...updated],
    env: states(current, next),
  };
}

export function shutdownReason(current: ApplySpec | undefined, next: ApplySpec | undefined): DrainReason {
  return { args: ['job_shutdown', 'hash_unchanged'], env: states(current, next) };
}

function hashChange(current: ApplySpec | undefined, next: ApplySpec): string {
  if (current?.configuration_hash === undefined) return 'hash_new';
  return current.configuration_hash === next.configuration_hash ? 'hash_unchanged' : 'hash_changed';
}

/** Lets a script see that its disk will go or shrink, while it can still move its data. */
function states(current: ApplySpec | undefined, next: ApplySpec | undefined): Record<string, string> {
  const state = (spec: ApplySpec | undefined) => JSON.stringify({ persistent_disk: spec?.persistent_disk ?? 0 });
  return { BOSH_JOB_STATE: state(current), ...(next !== undefined && { BOSH_JOB_NEXT_STATE: state(next) }) };
}

/**
 * Runs the drain script of one job until it says that it is done: it writes a number of seconds. From 0 on: wait that
 * long, then done (static drain). Negative: wait that long, then ask again with `job_check_status` (dynamic drain),
 * for as long as the director lets it.
 */
export async function drainJob(machine: Machine, job: string, reason: DrainReason, signal: AbortSignal): Promise<void> {
  let { args, env } = reason;
  for (;;) {
    const seconds = await runDrain(machine, { job, args, env }, signal);
    await machine.clock.sleep(Math.abs(seconds) * 1_000, signal);
    if (seconds >= 0) return;
    args = ['job_check_status', 'hash_unchanged'];
    env = { BOSH_JOB_STATE: env['BOSH_JOB_STATE'] ?? '' };
  }
}

async function runDrain(
  machine: Machine,
  { job, args, env }: { job: string } & DrainReason,
  signal: AbortSignal,
): Promise<number> {
  const { paths, run, searchPath } = machine.platform;
  const output = join(paths.temporary, `drain-${machine.chance.uuid()}`);
  try {
    const { exitCode } = await run(paths.script(job, 'drain'), {
      args,
      env: { PATH: searchPath, ...env },
      stdout: output,
      stderr: join(paths.jobLog(job), 'drain.stderr.log'),
      signal,
    });
    const said = (await readFile(output, 'utf8')).trim();
    // Like BOSH's agent: it is the number that counts, not the exit code.
    if (/^[+-]?\d+$/.test(said)) return Number(said);
    throw new Error(
      `drain of ${job} wrote no whole number (it ended with ${exitCode ?? 'a signal'}): ${await tailOf(output, 200)}`,
    );
  } finally {
    await rm(output, { force: true });
  }
}
