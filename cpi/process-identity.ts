import { readFileSync } from 'node:fs';

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
  // "pid (name) state ppid …": the name may hold anything, so fields are counted from the last bracket
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { pid, startedAt: fields[19] ?? null };
}

export function isAlive(process: ProcessIdentity): boolean {
  return identify(process.pid)?.startedAt === process.startedAt;
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
