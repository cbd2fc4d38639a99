import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, open, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { constants as osConstants } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../common/clock.ts';
import { OperatorError } from '../../common/errors.ts';
import { isAlive, readPidFile, writePidFile } from '../process-identity.ts';

/**
 * One run of a program in a folder of its own, which outlives whoever started it:
 *
 *   request-id     by which its request is found in the cpi output of whichever task it was made in
 *   request.json   its standard input; removed when it has ended, for it may hold credentials
 *   started        made by whoever decides that it runs, or that it never will: one of the two, by the file system
 *   pid            the number and the start time of the process that waits for it, and leads its session
 *   answer.json, stderr.log
 *   status         its exit status
 *   exit           empty; there only once all of the above is complete
 *
 * States, told from the folder alone:
 *   absent     no folder
 *   unstarted  no `started`: whoever makes `started` first decides
 *   running    `started`, no `exit`, and the process lives (or has not yet written `pid`)
 *   ended      `exit`
 *   died       `started`, no `exit`, and the process is gone: killed, or the machine was
 */
export type RunState = 'absent' | 'unstarted' | 'running' | 'ended' | 'died';

export interface RunLimits {
  /** Counted from its start, by whichever director. */
  timeMs: number;
  answerBytesMax: number;
  stderrBytesMax: number;
}

export const runDefaults = { answerBytesMax: 16 * 1024 * 1024, stderrBytesMax: 64 * 1024 * 1024 } as const;

/** How often the folder of a run is looked at: for stderr, and for the end of a run that another process started. */
const pollMs = 200;
/** From `started` to `pid`: two system calls, on a machine that may be overloaded. */
const pidWaitMs = 10_000;
/** Between asking a program to end and ending it. */
const graceMs = 5_000;

/**
 * `$1` folder, `$2` program. Builtins only, since every fork costs a millisecond of each call. `set -C`: a file that is
 * there is not opened for writing. Of `exit` it counts that it is there, and all else is complete before it is made.
 */
const wrapper = `
set -C
: 2>/dev/null >"$1/started" || exit 0
pidfile=$1/pid
${writePidFile}
"$2" <"$1/request.json" >"$1/answer.json" 2>"$1/stderr.log"
echo $? >"$1/status"
: >"$1/exit"
`;

/** @throws OperatorError `cpi-not-executable` */
export async function checkExecutable(program: string): Promise<void> {
  try {
    await access(program, constants.X_OK);
    if ((await stat(program)).isFile()) return;
  } catch {
    // told below
  }
  throw new OperatorError(`the CPI program ${program} is not executable`, {
    code: 'cpi-not-executable',
    hint: 'Correct its path in the CPI config or the director config, or make the file executable (chmod +x).',
    details: { program },
  });
}

/**
 * Starts the run. The folder must not be there.
 * @returns resolves soon after the run has ended, while this process lives
 */
export async function startRun(
  folder: string,
  program: string,
  { request, requestId }: { request: string; requestId: string },
): Promise<{ exited: Promise<void> }> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, 'request-id'), requestId);
  await writeFile(join(folder, 'request.json'), request, { mode: 0o600 });
  const child = spawn('/bin/sh', ['-c', wrapper, 'sh', folder, program], {
    detached: true, // a session of its own: no signal to the director reaches it
    stdio: 'ignore',
    cwd: '/',
    env: programEnvironment(),
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  child.unref();
  return { exited };
}

/** What BOSH gives a CPI, and no more. */
function programEnvironment(): Record<string, string> {
  const passed = Object.entries({ TMPDIR: process.env['TMPDIR'], HOME: process.env['HOME'] });
  const known = passed.filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...Object.fromEntries(known) };
}

export async function runState(folder: string, clock: Clock): Promise<RunState> {
  if (!(await exists(folder))) return 'absent';
  if (await exists(join(folder, 'exit'))) return 'ended';
  if (!(await exists(join(folder, 'started')))) return 'unstarted';
  const process = await readPidFile(join(folder, 'pid'));
  if (process !== undefined && isAlive(process)) return 'running';
  if (process === undefined && clock.now() - (await startedAtMs(folder, clock)) < pidWaitMs) return 'running';
  return (await exists(join(folder, 'exit'))) ? 'ended' : 'died'; // it may have ended since
}

/**
 * Makes certain that an unstarted run never starts, and removes it. False: it has started.
 * It goes all at once: a folder that had lost `started` and not yet its request would be one to run.
 */
export async function preventRun(folder: string): Promise<boolean> {
  try {
    await writeFile(join(folder, 'started'), '', { flag: 'wx' });
  } catch {
    return false;
  }
  const gone = join(dirname(folder), `${gonePrefix}${basename(folder)}`);
  await rename(folder, gone);
  await rm(gone, { recursive: true });
  return true;
}

/** Of the names of folders that are being removed; no run has such a name. */
const gonePrefix = '.gone-';

/** Of a run that was started; earlier versions of Gantry kept none. */
export async function requestIdOf(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, 'request-id'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'unknown'; // what node:fs throws
    throw error;
  }
}

export interface RunEnd {
  state: 'ended' | 'died' | 'timed-out';
  /** Null: larger than allowed, or none. */
  answer: string | null;
  answerBytes: number;
  /** How it ended, when that was not with status 0: `ended with status 1`, `was killed by SIGKILL`. */
  failure: string | null;
}

/** Waits for the end of a run, whoever started it. What it writes to standard error is handed on as it comes. */
export async function awaitRun(
  folder: string,
  how: { limits: RunLimits; clock: Clock; onStderr: (text: string) => void; exited?: Promise<void> },
): Promise<RunEnd> {
  const { limits, clock, onStderr, exited } = how;
  const tail = new Tail(join(folder, 'stderr.log'), limits.stderrBytesMax, onStderr);
  const state = await waitWhileRunning();
  await tail.read();
  await rm(join(folder, 'request.json'), { force: true });
  const { answer, bytes } = await readAnswer(join(folder, 'answer.json'), limits.answerBytesMax);
  await cutTo(limits.stderrBytesMax, join(folder, 'stderr.log'));
  if (answer === null) await cutTo(limits.answerBytesMax + 1, join(folder, 'answer.json')); // too large for the next one, too
  return { state, answer, answerBytes: bytes, failure: await failureOf(join(folder, 'status')) };

  async function waitWhileRunning(): Promise<RunEnd['state']> {
    for (let waitMs = 5; ; waitMs = Math.min(2 * waitMs, pollMs)) {
      const now = await runState(folder, clock);
      if (now === 'ended' || now === 'died') return now;
      if (now === 'absent') return 'died';
      if (clock.now() - (await startedAtMs(folder, clock)) > limits.timeMs) {
        await stopRun(folder, clock);
        return 'timed-out';
      }
      if ((await bytesOf(join(folder, 'answer.json'))) > limits.answerBytesMax) {
        await stopRun(folder, clock); // it may go on until the disk is full
        return 'died';
      }
      await Promise.race([clock.sleep(waitMs), ...(exited === undefined ? [] : [exited])]);
      await tail.read();
      await cutTo(limits.stderrBytesMax, join(folder, 'stderr.log')); // it may go on for hours
    }
  }
}

async function startedAtMs(folder: string, clock: Clock): Promise<number> {
  return stat(join(folder, 'started')).then(
    ({ mtimeMs }) => mtimeMs,
    () => clock.now(), // about to start
  );
}

/** Ends the program and what it started in its session, of which the process that waits for it is the leader. */
async function stopRun(folder: string, clock: Clock): Promise<void> {
  const leader = await readPidFile(join(folder, 'pid'));
  if (leader === undefined || !isAlive(leader)) return;
  signalSession(leader.pid, 'SIGTERM');
  for (let waitedMs = 0; waitedMs < graceMs && signalSession(leader.pid, 0); waitedMs += 50) await clock.sleep(50);
  signalSession(leader.pid, 'SIGKILL');
}

/** False: nothing of it is left. */
function signalSession(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, signal);
    return true;
  } catch {
    return false;
  }
}

async function readAnswer(path: string, bytesMax: number): Promise<{ answer: string | null; bytes: number }> {
  try {
    const { size } = await stat(path);
    return { answer: size > bytesMax ? null : await readFile(path, 'utf8'), bytes: size };
  } catch {
    return { answer: null, bytes: 0 };
  }
}

/** A shell tells the number of the signal, if that was the end, as a status above 128. */
async function failureOf(path: string): Promise<string | null> {
  const status = Number.parseInt(await readFile(path, 'utf8').catch(() => ''), 10);
  if (Number.isNaN(status) || status === 0) return null;
  const signal = Object.entries(osConstants.signals).find(([, number]) => number === status - 128)?.[0];
  return signal === undefined ? `ended with status ${status}` : `was killed by ${signal}`;
}

async function bytesOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0, // not there before the program starts
  );
}

/** A run may be kept for days; what nobody reads of it is not. */
async function cutTo(bytesMax: number, path: string): Promise<void> {
  if ((await bytesOf(path)) > bytesMax) await truncate(path, bytesMax);
}

/** Hands on what was added to a file since the last look. */
class Tail {
  readonly #path: string;
  readonly #bytesMax: number;
  readonly #onText: (text: string) => void;
  readonly #decoder = new TextDecoder();
  #at = 0;

  constructor(path: string, bytesMax: number, onText: (text: string) => void) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#onText = onText;
  }

  async read(): Promise<void> {
    const file = await open(this.#path).catch(() => undefined); // not there before the program starts
    if (file === undefined) return;
    try {
      const buffer = Buffer.alloc(64 * 1024);
      while (this.#at < this.#bytesMax) {
        const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#at);
        if (bytesRead === 0) return;
        this.#at += bytesRead;
        this.#onText(this.#decoder.decode(buffer.subarray(0, bytesRead), { stream: true }));
        if (this.#at >= this.#bytesMax) this.#onText(`\n[standard error is longer than ${this.#bytesMax} bytes]\n`);
      }
    } finally {
      await file.close();
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
