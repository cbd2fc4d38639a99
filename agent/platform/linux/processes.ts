import { stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { orAbsent, readIfThere } from '../../files.ts';
import { ActionFailed } from '../../errors.ts';
import type { ProgramLine } from '../../supervise/monit-file.ts';
import type { Launched, LivingProcess, ProcessHost, Usage } from '../../supervise/process-host.ts';
import { startProgram } from '../run.ts';
import { findGroup, findUser } from './accounts.ts';
import { memoryTotalKb, readAllStats, readStat, ticksPerSecond, uptimeS, type ProcStat } from './proc.ts';

/** Processes of this machine, by /proc. Start and stop programs write to `<log>/<service>.log`. */
export function linuxProcesses({ log, searchPath }: { log: string; searchPath: string }): ProcessHost {
  return {
    living: async (pidfile): Promise<LivingProcess | undefined> => {
      const pid = Number.parseInt((await readIfThere(pidfile)) ?? '', 10);
      if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
      const [process, machineUptimeS] = await Promise.all([readStat(pid), uptimeS()]);
      if (process === undefined || process.state === 'Z' || process.state === 'X') return undefined;
      const { startedTicks } = process;
      return { pid, startedTicks, uptimeS: Math.max(0, machineUptimeS - startedTicks / ticksPerSecond) };
    },

    launch: async (service, program): Promise<Launched> => {
      const [path, ...args] = program.argv;
      if (path === undefined)
        throw new ActionFailed(`service ${service}: its program is empty`, { code: 'program-empty' });
      const output = join(log, `${service.replaceAll('/', '_')}.log`);
      const size = (await orAbsent(stat(output)))?.size ?? 0;
      if (size > outputBytesMax) await truncate(output);
      const started = await startProgram(path, {
        args,
        env: { PATH: searchPath },
        cwd: '/',
        stdout: output,
        stderr: output,
        ...(await identityOf(service, program)),
      });
      return { exited: started.exited.then(({ exitCode }) => exitCode), kill: () => started.end() };
    },

    kill: (pid, signal) => {
      try {
        process.kill(pid, signal);
      } catch {
        // It is gone, or was never ours to end: the next look tells.
      }
    },

    usage: async (pids) => {
      if (pids.length === 0) return new Map();
      const [all, machineUptimeS, memoryKb] = await Promise.all([readAllStats(), uptimeS(), memoryTotalKb()]);
      const families = new Map(pids.map((pid) => [pid, familyOf(pid, all)]));
      return new Map([...families].map(([pid, family]) => [pid, sum(family, { machineUptimeS, memoryKb })]));
    },
  };
}

async function identityOf(service: string, { user, group }: ProgramLine): Promise<{ uid?: number; gid?: number }> {
  const account = user === undefined ? undefined : await findUser(user);
  const gid = group === undefined ? account?.gid : await findGroup(group);
  if ((user !== undefined && account === undefined) || (group !== undefined && gid === undefined)) {
    const missing = account === undefined && user !== undefined ? `user "${user}"` : `group "${group ?? ''}"`;
    throw new ActionFailed(`service ${service}: there is no ${missing} on this machine`, { code: 'account-unknown' });
  }
  return { ...(account !== undefined && { uid: account.uid }), ...(gid !== undefined && { gid }) };
}

function familyOf(pid: number, all: readonly ProcStat[]): ProcStat[] {
  const family = all.filter((stat) => stat.pid === pid);
  for (let i = 0; i < family.length && i < familyMax; i++) {
    const parent = family[i]?.pid;
    family.push(...all.filter((stat) => stat.parent === parent));
  }
  return family;
}

/** CPU over the life of each process, as a share of one processor: what monit calls the total is the sum. */
function sum(family: readonly ProcStat[], machine: { machineUptimeS: number; memoryKb: number }): Usage {
  const memoryKb = family.reduce((kb, { residentKb }) => kb + residentKb, 0);
  const cpu = family.reduce((share, { cpuTicks, startedTicks }) => {
    const livedTicks = machine.machineUptimeS * ticksPerSecond - startedTicks;
    return share + cpuTicks / Math.max(ticksPerSecond, livedTicks);
  }, 0);
  const tenth = (value: number) => Math.round(value * 10) / 10;
  return { memoryKb, memoryPercent: tenth((memoryKb / machine.memoryKb) * 100), cpuPercent: tenth(cpu * 100) };
}

const outputBytesMax = 1_048_576;
const familyMax = 4_096;
