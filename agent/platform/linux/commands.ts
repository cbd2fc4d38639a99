import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { ActionFailed } from '../../errors.ts';
import { run } from '../run.ts';

/** Runs a tool of the system (mount, useradd, tar ...) for its effect, and gives what it wrote to standard output. */
export async function command(argv: readonly [string, ...string[]], options: CommandOptions = {}): Promise<string> {
  const [program, ...args] = argv;
  const output = join(tmpdir(), `command-${randomUUID()}`);
  const errors = `${output}.err`;
  try {
    const { exitCode } = await run(program, {
      args,
      env: { PATH: systemPath, LC_ALL: 'C' },
      stdout: output,
      stderr: errors,
      ...(options.signal && { signal: options.signal }),
    });
    if (exitCode !== null && (options.accepts ?? [0]).includes(exitCode)) return await readFile(output, 'utf8');
    const said = (await readFile(errors, 'utf8')).trim().slice(-saidCharactersMax);
    throw new ActionFailed(`${argv.join(' ')} ended with ${exitCode ?? 'a signal'}: ${said}`, {
      code: 'command-failed',
      details: { program, exitCode },
    });
  } finally {
    await rm(output, { force: true });
    await rm(errors, { force: true });
  }
}

interface CommandOptions {
  /** Exit codes that are no failure. */
  accepts?: readonly number[];
  signal?: AbortSignal;
}

export const systemPath = '/usr/sbin:/usr/bin:/sbin:/bin';
const saidCharactersMax = 2_000;
