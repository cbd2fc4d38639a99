import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/**
 * A process that can be recognised after a restart of this program: numbers are reused, so its start time belongs
 * to it. Where there is no /proc the number alone must do, and `startedAt` is null.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since the system started, as /proc has it. */
  readonly startedAt: string | null;
}

/** Undefined: no such process, or one that has ended and waits to be reaped. */
export function identify(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return hasProc() || !exists(pid) ? undefined : { pid, startedAt: null };
  }
  const { state, startedAt } = readStat(stat);
  return state === 'Z' || state === 'X' ? undefined : { pid, startedAt };
}

/** Of the text of /proc/<pid>/stat: "pid (name) state ppid …". The name may hold anything, brackets too. */
export function readStat(stat: string): { state: string; startedAt: string | null } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startedAt: fields[19] ?? null };
}

export function isAlive(process: ProcessIdentity): boolean {
  return identify(process.pid)?.startedAt === process.startedAt;
}

/**
 * Shell commands that write the identity of the shell, and of what it becomes by `exec`, to the file `$pidfile`.
 * Builtins only. Written by the process itself, so that there is no moment at which it runs and nobody could know.
 */
export const writePidFile = `
stat=
[ ! -r /proc/$$/stat ] || read -r stat </proc/$$/stat
echo "$$
$stat" >"$pidfile"
`;

/** Undefined: absent, or half written. */
export async function readPidFile(path: string): Promise<ProcessIdentity | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const [pid = '', stat = ''] = text.split('\n');
  if (!text.endsWith('\n') || !/^\d+$/.test(pid)) return undefined;
  return { pid: Number(pid), startedAt: stat === '' ? null : readStat(stat).startedAt };
}

function hasProc(): boolean {
  try {
    readFileSync('/proc/self/stat');
    return true;
  } catch {
    return false;
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM';
  }
}
