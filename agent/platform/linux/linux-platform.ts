import { chmod, chown, lstat, mkdir, readFile, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../common/clock.ts';
import { messageOf } from '../../../common/errors.ts';
import type { Log } from '../../../common/log.ts';
import { ActionFailed } from '../../errors.ts';
import { orAbsent, readIfThere, writeWhole } from '../../files.ts';
import { agentPaths, type AgentPaths } from '../../paths.ts';
import type { Platform } from '../platform.ts';
import { run } from '../run.ts';
import { findGroup } from './accounts.ts';
import { command, systemPath } from './commands.ts';
import { linuxDisks } from './disks.ts';
import type { Formatting } from './partition.ts';
import { linuxProcesses } from './processes.ts';
import { processUsers } from './process-users.ts';
import { linuxUsers } from './users.ts';
import { vitalsReader } from './vitals.ts';

export interface LinuxOptions {
  /** `/var/vcap`, but in tests. */
  base: string;
  /**
   * `vm`: the machine is this agent's alone. `process`: a set of processes on a machine of others, perhaps in
   * namespaces of its own; accounts and the network are not ours to change.
   */
  machine: 'vm' | 'process';
  /** Of a process machine: its mounts are its own, so what it mounts over others' files is seen by nobody else. */
  ownMounts?: boolean;
  /** Folders that jobs, scripts and packaging find programs in, before the system's. */
  extraPath: readonly string[];
  formatting: Formatting;
  clock: Clock;
  log: Log;
}

export function linuxPlatform({
  base,
  machine,
  ownMounts = false,
  extraPath,
  formatting,
  clock,
  log,
}: LinuxOptions): Platform {
  const paths = agentPaths(base);
  const searchPath = [...extraPath, systemPath].join(':');
  const disks = linuxDisks({ clock, formatting });
  const mayChown = process.getuid?.() === 0;
  let vcapGid: Promise<number | undefined> | undefined;
  return {
    paths,
    run,
    disks,
    searchPath,
    processes: linuxProcesses({ log: paths.agentLog, searchPath }),
    vitals: vitalsReader({
      system: '/',
      ephemeral: paths.data,
      persistent: async () => ((await isStoreMounted(paths)) ? paths.store : undefined),
    }),
    prepare: () => prepareFolders(paths),
    giveToJobs: async (path) => {
      if (!mayChown) return;
      const gid = await (vcapGid ??= findGroup('vcap'));
      if (gid !== undefined) await chown(path, 0, gid);
    },
    users: (ip) => {
      if (machine === 'process' && ownMounts) return processUsers(paths, ip);
      if (machine === 'vm' && mayChown) return linuxUsers(paths.sshHomes);
      throw new ActionFailed('ssh: this machine has no accounts of its own', {
        code: 'ssh-unsupported',
        hint: machine === 'process' ? 'It has no mounts of its own.' : 'The agent is not root.',
      });
    },
    trust: async (certificates) => {
      if ((await readIfThere(paths.trustedCertificates)) === certificates) return;
      if (machine === 'vm' && mayChown) await trustSystemWide(certificates);
      await writeWhole(paths.trustedCertificates, certificates); // last: until then it is tried again
    },
    forgetNeighbours: async (ips) => {
      if (machine !== 'vm') return;
      for (const ip of ips) {
        // Absent is what we want, and nobody waits for the answer.
        await command(['ip', 'neigh', 'flush', 'to', ip]).catch((thrown: unknown) =>
          log.warn('neighbour-not-forgotten', { ip, error: messageOf(thrown) }),
        );
      }
    },
  };
}

async function isStoreMounted({ store }: AgentPaths): Promise<boolean> {
  if ((await orAbsent(lstat(store)))?.isSymbolicLink() === true) return true;
  return (await readFile('/proc/self/mounts', 'utf8')).includes(` ${store} `);
}

async function prepareFolders(paths: AgentPaths): Promise<void> {
  for (const path of [paths.bosh, paths.agentLog, paths.data, join(paths.dataSys, 'log'), join(paths.dataSys, 'run')]) {
    await mkdir(path, { recursive: true });
  }
  for (const path of [paths.monit, paths.instance, paths.jobs, paths.packages]) await mkdir(path, { recursive: true });
  for (const folder of ['jobs', 'packages', 'compile']) await mkdir(join(paths.data, folder), { recursive: true });
  await rm(paths.temporary, { recursive: true, force: true }); // left by an agent that was killed
  await mkdir(paths.temporary, { recursive: true });
  await chmod(paths.temporary, 0o1777);
  if ((await orAbsent(lstat(paths.sys))) === undefined) await symlink(paths.dataSys, paths.sys);
  await forgetPidfilesOfEarlierBoot(paths);
}

/**
 * Pidfiles of before a reboot name processes of now, which are others. On a VM sys/run is a memory file system and
 * starts empty; where it isn't, it is emptied when the kernel or the pid namespace is another one.
 */
async function forgetPidfilesOfEarlierBoot(paths: AgentPaths): Promise<void> {
  const bootId = (await readIfThere('/proc/sys/kernel/random/boot_id')) ?? '';
  const boot = `${bootId.trim()} ${await readlink('/proc/self/ns/pid')} ${await startOfInit()}`;
  const file = join(paths.bosh, 'boot');
  if ((await readIfThere(file)) === boot) return;
  const run = join(paths.dataSys, 'run');
  for (const entry of await readdir(run, { withFileTypes: true })) {
    const path = join(run, entry.name);
    if (!entry.isDirectory()) await rm(path, { force: true });
    else for (const name of await readdir(path)) await rm(join(path, name), { recursive: true, force: true });
  }
  await writeWhole(file, boot);
}

/** A namespace's number is given again after its end; the start of its first process is not. */
async function startOfInit(): Promise<string> {
  const stat = (await readIfThere('/proc/1/stat')) ?? '';
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** One file per certificate, under the names that BOSH's agent gives them. */
async function trustSystemWide(certificates: string): Promise<void> {
  const folder = '/usr/local/share/ca-certificates';
  const old = ((await orAbsent(readdir(folder))) ?? []).filter((name) => /^bosh-trusted-cert-\d+\.crt$/.test(name));
  for (const name of old) await rm(join(folder, name));
  const each = certificates.match(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g) ?? [];
  for (const [i, certificate] of each.entries()) {
    await writeWhole(join(folder, `bosh-trusted-cert-${i + 1}.crt`), `${certificate}\n`);
  }
  await command(['update-ca-certificates', ...(old.length > 0 ? ['--fresh'] : [])]);
}
