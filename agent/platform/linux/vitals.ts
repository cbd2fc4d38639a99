import { readFile, statfs } from 'node:fs/promises';
import { orAbsent } from '../../files.ts';
import type { Vitals } from '../../protocol.ts';
import { uptimeS } from './proc.ts';

/** Reads what a heartbeat tells, in under a millisecond. CPU is what it was since the last time it was asked. */
export function vitalsReader(disks: {
  system: string;
  ephemeral: string;
  persistent: () => Promise<string | undefined>;
}) {
  let before: CpuTimes | undefined;
  return async (): Promise<Vitals> => {
    const now = parseCpu(await readFile('/proc/stat', 'utf8'));
    const cpu = cpuShares(before ?? noTimes, now);
    before = now;
    const memory = parseMemory(await readFile('/proc/meminfo', 'utf8'));
    const load = (await readFile('/proc/loadavg', 'utf8')).split(' ').slice(0, 3);
    const persistent = await disks.persistent();
    const [system, ephemeral, store] = await Promise.all([
      usageOf(disks.system),
      usageOf(disks.ephemeral),
      persistent === undefined ? undefined : usageOf(persistent),
    ]);
    return {
      cpu,
      load,
      ...memory,
      disk: { ...(system && { system }), ...(ephemeral && { ephemeral }), ...(store && { persistent: store }) },
      uptime: { secs: Math.floor(await uptimeS()) },
    };
  };
}

interface CpuTimes {
  user: number;
  sys: number;
  wait: number;
  total: number;
}

const noTimes: CpuTimes = { user: 0, sys: 0, wait: 0, total: 0 };

function parseCpu(text: string): CpuTimes {
  const times = (/^cpu\s+(.*)$/m.exec(text)?.[1] ?? '').split(' ').map(Number);
  const [user = 0, nice = 0, system = 0, , wait = 0] = times;
  return { user: user + nice, sys: system, wait, total: times.slice(0, 8).reduce((all, time) => all + time, 0) };
}

function cpuShares(before: CpuTimes, now: CpuTimes): NonNullable<Vitals['cpu']> {
  const total = Math.max(1, now.total - before.total);
  const share = (name: 'user' | 'sys' | 'wait') => (((now[name] - before[name]) / total) * 100).toFixed(1);
  return { user: share('user'), sys: share('sys'), wait: share('wait') };
}

function parseMemory(text: string): Pick<Vitals, 'mem' | 'swap'> {
  const kb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  const used = (total: number, free: number) => ({
    kb: String(total - free),
    percent: total === 0 ? '0' : String(Math.round(((total - free) / total) * 100)),
  });
  return { mem: used(kb('MemTotal'), kb('MemAvailable')), swap: used(kb('SwapTotal'), kb('SwapFree')) };
}

async function usageOf(path: string): Promise<{ percent: string; inode_percent: string } | undefined> {
  const found = await orAbsent(statfs(path));
  if (found === undefined) return undefined;
  const percent = (total: number, free: number) =>
    total === 0 ? '0' : String(Math.ceil(((total - free) / total) * 100));
  return { percent: percent(found.blocks, found.bfree), inode_percent: percent(found.files, found.ffree) };
}
