import { readdir, readFile } from 'node:fs/promises';
import { orAbsent } from '../../files.ts';

/** One process, from /proc/<pid>/stat. Ticks are 1/100 s on every Linux that we know. */
export interface ProcStat {
  pid: number;
  parent: number;
  /** `R` running, `S` sleeping, `Z` zombie ... */
  state: string;
  startedTicks: number;
  cpuTicks: number;
  residentKb: number;
}

export const ticksPerSecond = 100;
const pageKb = 4;

/** Undefined: there is no such process. */
export async function readStat(pid: number): Promise<ProcStat | undefined> {
  const text = await unlessGone(readFile(`/proc/${pid}/stat`, 'utf8'));
  return text === undefined ? undefined : parseStat(text);
}

/** The name stands in parentheses and may hold any character, so that fields are counted from the last of them. */
export function parseStat(text: string): ProcStat {
  const pid = Number(text.slice(0, text.indexOf(' ')));
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const number = (field: number) => Number(fields[field - 3]); // counted as proc(5) does, from 1; two are cut off
  return {
    pid,
    state: fields[0] ?? '?',
    parent: number(4),
    cpuTicks: number(14) + number(15),
    startedTicks: number(22),
    residentKb: number(24) * pageKb,
  };
}

/** All processes at one moment, or nearly so. */
export async function readAllStats(): Promise<ProcStat[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readStat(Number(pid))));
  return stats.filter((stat) => stat !== undefined);
}

export async function uptimeS(): Promise<number> {
  return Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]);
}

export async function memoryTotalKb(): Promise<number> {
  return Number(/^MemTotal:\s+(\d+)/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1] ?? 0);
}

/** ESRCH: the process ended between the opening of the file and the reading. */
async function unlessGone(reading: Promise<string>): Promise<string | undefined> {
  try {
    return await orAbsent(reading);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH') return undefined;
    throw thrown;
  }
}
