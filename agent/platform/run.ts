import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemClock } from '../../common/clock.ts';

export interface RunOptions {
  args?: readonly string[];
  /** All of it: nothing is inherited. */
  env: Record<string, string>;
  cwd?: string;
  /** Files that output is added to; made with their folders. Without: it goes nowhere. The same file twice is fine. */
  stdout?: string;
  stderr?: string;
  uid?: number;
  gid?: number;
  /** Ends the program and all of its process group: SIGTERM, then SIGKILL. */
  signal?: AbortSignal;
}

export interface Outcome {
  /** Null: a signal ended it. */
  exitCode: number | null;
  endedBy: NodeJS.Signals | null;
}

/** Runs a program to its end. @throws Error with `code` when it cannot be started; the signal's reason when aborted */
export type Run = (program: string, options: RunOptions) => Promise<Outcome>;

/**
 * Output goes to files, never through this process: a script that leaves a child behind, which keeps its output
 * open, neither blocks us nor loses anything, and a flood of output costs no memory.
 */
export const run: Run = async (program, options) => {
  options.signal?.throwIfAborted();
  const started = await startProgram(program, options);
  const abort = () => started.end();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    const outcome = await started.exited;
    options.signal?.throwIfAborted();
    return outcome;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
};

export interface Started {
  exited: Promise<Outcome>;
  /** Ends the whole process group, and sees to it that it is gone. May be called after its end: that ends what is left. */
  end(): void;
}

/** @throws Error with `code` when it cannot be started */
export async function startProgram(program: string, options: Omit<RunOptions, 'signal'>): Promise<Started> {
  const files = await openOutputs(options);
  try {
    const child = spawn(program, options.args ?? [], {
      env: options.env,
      detached: true, // a process group of its own, so that all of it can be ended
      stdio: ['ignore', files.stdout?.fd ?? 'ignore', files.stderr?.fd ?? 'ignore'],
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.uid !== undefined && { uid: options.uid }),
      ...(options.gid !== undefined && { gid: options.gid }),
    });
    const exited = new Promise<Outcome>((resolve) => {
      child.once('exit', (exitCode, endedBy) => resolve({ exitCode, endedBy }));
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    return { exited, end: () => endGroup(child) };
  } finally {
    await files.stdout?.close();
    if (files.stderr !== files.stdout) await files.stderr?.close();
  }
}

async function openOutputs({ stdout, stderr }: Pick<RunOptions, 'stdout' | 'stderr'>) {
  const append = async (path: string): Promise<FileHandle> => {
    await mkdir(dirname(path), { recursive: true, mode: 0o750 });
    return open(path, 'a', 0o640);
  };
  const out = stdout === undefined ? undefined : await append(stdout);
  const error = stderr === undefined ? undefined : stderr === stdout ? out : await append(stderr);
  return { stdout: out, stderr: error };
}

function endGroup(child: ChildProcess): void {
  signalGroup(child, 'SIGTERM');
  systemClock.after(killAfterMs, () => signalGroup(child, 'SIGKILL'));
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone, which is what we want.
  }
}

/** As BOSH's agent gives an errand that is cancelled. */
const killAfterMs = 10_000;
