import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open, readFile, rename, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Clock } from '../../common/clock.ts';
import type { DiskCid, VmCid } from '../../common/ids.ts';
import type { NetworkSettings } from '../cpi.ts';
import { CpiError } from '../errors.ts';
import { identify, isAlive, readPidFile, type ProcessIdentity } from '../process-identity.ts';
import type { AgentSettings } from '../settings.ts';
import type { Machine, MachineHost } from './machine-host.ts';
import {
  initScript,
  machinePath,
  nsenterCommand,
  runsAlready,
  startScript,
  tryCommand,
  unshareCommand,
  type Privilege,
} from './namespace.ts';

export interface ProcessHostOptions {
  /** Where machines and disks live. Not below /var/vcap, which each machine has for itself. */
  directory: string;
  /** From `processMachinesPossible`. */
  privilege: Privilege;
  /** The agent's program and arguments, given the path of its settings on the machine. */
  agentCommand: (settingsPath: string) => string[];
  clock: Clock;
}

/** From the start of `unshare` to the start of the agent: a few dozen mounts. */
const bootWaitMs = 30_000;
const powerOffWaitMs = 10_000;
const commandTimeMs = 10_000;
const settingsPath = '/var/vcap/bosh/settings.json';

/**
 * Machines that are processes of this Linux box, each with mounts and processes of its own, and the box's network: its
 * addresses are of 127.0.0.0/8. They run the real agent and real jobs in milliseconds, survive the director, and are
 * no security boundary: what runs on them may do what the director may, to the whole box.
 *
 *   <directory>/vms/<vm>/   vcap/ is its /var/vcap, private/tmp/ its /tmp; lock, pid, booted, off: see namespace.ts
 *   <directory>/disks/<disk>/   a persistent disk: a folder, of any size. Attached: linked in the machine's vcap/attached
 *
 * How they differ from VMs: no kernel, accounts or network of their own; no limit of cpu, memory or disk; one set of
 * ports per address; rebooting is quick.
 *
 * INVARIANTS
 * - A machine runs exactly while its `lock` is held, which the kernel knows; two of one never run.
 * - `off` is there exactly when its agent has powered it off. Then a restart of the director doesn't power it on.
 */
export class ProcessHost implements MachineHost {
  readonly sharedAddresses = true;
  readonly dynamicRange = '127.254.0.0/16';
  readonly #options: ProcessHostOptions;
  readonly #directory: string;

  private constructor(options: ProcessHostOptions, directory: string) {
    this.#options = options;
    this.#directory = directory;
  }

  static async open(options: ProcessHostOptions): Promise<ProcessHost> {
    const directory = resolve(options.directory);
    if (`${directory}/`.startsWith('/var/vcap/')) {
      throw new Error('process machines hide /var/vcap, so that their own folders cannot be below it');
    }
    const host = new ProcessHost(options, directory);
    await mkdir(join(directory, 'vms'), { recursive: true, mode: 0o700 });
    await mkdir(join(directory, 'disks'), { recursive: true, mode: 0o755 });
    return host;
  }

  accepts(networks: Record<string, NetworkSettings>): void {
    for (const [name, { type, ip }] of Object.entries(networks)) {
      if (type === 'dynamic' && ip === undefined) continue; // the infrastructure gives it one of ours
      if (type === 'vip') throw notLoopback(`network "${name}" has type vip`);
      if (!/^127\.\d+\.\d+\.\d+$/.test(ip ?? '')) throw notLoopback(`network "${name}" has the address ${ip}`);
    }
  }

  async boot(machine: Machine): Promise<void> {
    const folder = this.#folder(machine.vmCid);
    if (await this.#pid(machine.vmCid)) return this.#awaitBoot(machine.vmCid, undefined);
    for (const name of ['vcap/bosh', 'vcap/attached', 'vcap/attachable', 'var']) {
      await mkdir(join(folder, name), { recursive: true });
    }
    await this.#writeSettings(machine.vmCid, machine.settings);
    await this.#awaitBoot(machine.vmCid, await this.#start(folder));
  }

  async adopt(machine: Machine): Promise<void> {
    if (await exists(join(this.#folder(machine.vmCid), 'off'))) return;
    await this.boot(machine);
  }

  async reboot(machine: Machine): Promise<void> {
    await this.#powerOff(machine.vmCid);
    await this.boot(machine);
  }

  async remove(vmCid: VmCid): Promise<void> {
    await this.#powerOff(vmCid);
    await rm(this.#folder(vmCid), { recursive: true, force: true });
  }

  diskHint(_vmCid: VmCid, diskCid: DiskCid): { path: string } {
    return { path: `/var/vcap/attached/${diskCid}` };
  }

  async attachDisk(machine: Machine, diskCid: DiskCid): Promise<void> {
    const link = join(this.#folder(machine.vmCid), 'vcap/attached', diskCid);
    await symlink(`/var/vcap/attachable/${diskCid}`, link).catch(unless('EEXIST'));
    await this.#writeSettings(machine.vmCid, machine.settings);
  }

  async detachDisk(vmCid: VmCid, diskCid: DiskCid): Promise<void> {
    await unlink(join(this.#folder(vmCid), 'vcap/attached', diskCid)).catch(unless('ENOENT'));
    await this.#unmount(vmCid, diskCid);
    const settings = await this.#readSettings(vmCid);
    if (settings === undefined) return;
    const { [diskCid]: _detached, ...persistent } = settings.disks.persistent;
    await this.#writeSettings(vmCid, { ...settings, disks: { ...settings.disks, persistent } });
  }

  async createDisk(diskCid: DiskCid): Promise<void> {
    await mkdir(this.#disk(diskCid), { recursive: true, mode: 0o755 });
  }

  resizeDisk(): Promise<void> {
    return Promise.resolve(); // a folder is of any size
  }

  async deleteDisk(diskCid: DiskCid): Promise<void> {
    await rm(this.#disk(diskCid), { recursive: true, force: true });
  }

  /** The process whose end is the machine's, or undefined when it doesn't run. */
  async #pid(vmCid: VmCid): Promise<ProcessIdentity | undefined> {
    const process = await readPidFile(join(this.#folder(vmCid), 'pid'));
    return process !== undefined && isAlive(process) ? process : undefined;
  }

  async #start(folder: string): Promise<ChildProcess> {
    const agent = this.#options.agentCommand(settingsPath);
    const files = [process.execPath, ...agent].filter((path) => path.startsWith('/'));
    const visible = [this.#directory, ...files.map(shownBy)];
    const init = [join(this.#directory, 'disks'), String(visible.length), ...visible, ...agent];
    const machine = ['/bin/sh', '-c', initScript, 'init', folder, ...init];
    const console = await open(join(folder, 'console.log'), 'w', 0o600);
    try {
      const child = spawn(
        '/bin/sh',
        ['-c', startScript, 'start', folder, ...unshareCommand(this.#options.privilege), ...machine],
        {
          detached: true, // it outlives this program
          stdio: ['ignore', console.fd, console.fd],
          cwd: '/',
          env: { PATH: machinePath(), HOME: '/root', LANG: 'C.UTF-8' },
        },
      );
      child.unref();
      return child;
    } finally {
      await console.close();
    }
  }

  /** @param child what was started; without, it runs already. @throws Error with what its console says */
  async #awaitBoot(vmCid: VmCid, child: ChildProcess | undefined): Promise<void> {
    const { clock } = this.#options;
    const folder = this.#folder(vmCid);
    const startedMs = clock.now();
    let ended: number | null | undefined;
    child?.once('exit', (status) => (ended = status));
    child?.once('error', () => (ended = null));
    for (;;) {
      // `booted` of an earlier boot is gone before the pidfile of this one is there
      const running = await this.#pid(vmCid);
      const ours = child === undefined || ended === runsAlready || running?.pid === child.pid;
      if (running !== undefined && ours && (await exists(join(folder, 'booted')))) return;
      // Started by a director that was killed before it could know: then that one is the machine
      if (ended !== undefined && ended !== runsAlready) throw new Error(`it did not boot: ${await consoleOf(folder)}`);
      if (clock.now() - startedMs > bootWaitMs) {
        throw new Error(`it did not boot within ${bootWaitMs / 1000} s: ${await consoleOf(folder)}`);
      }
      await clock.sleep(10);
    }
  }

  /**
   * Everything of the machine has ended when its first process has: the kernel waits for the others before it. That the
   * lock is free tells the same of a machine whose first process isn't known, but for daemons that closed all files.
   */
  async #powerOff(vmCid: VmCid): Promise<void> {
    const { clock } = this.#options;
    const lock = join(this.#folder(vmCid), 'lock');
    if (!(await exists(lock))) return;
    let init: ProcessIdentity | undefined;
    const endMs = clock.now() + powerOffWaitMs;
    for (;;) {
      const running = await this.#pid(vmCid);
      if (running !== undefined) {
        init ??= await firstChild(running);
        kill(running);
      }
      const initEnded = init === undefined || !isAlive(init);
      if (initEnded && (await tryCommand(['flock', '-n', lock, 'true'], commandTimeMs)) === undefined) return;
      if (clock.now() > endMs) {
        throw new Error(`processes of ${vmCid} are still there ${powerOffWaitMs / 1000} s after they were killed`);
      }
      await clock.sleep(10);
    }
  }

  /** What the agent has not unmounted before the disk is taken away. */
  async #unmount(vmCid: VmCid, diskCid: DiskCid): Promise<void> {
    const pid = await this.#pid(vmCid);
    if (pid === undefined) return;
    const mounts = await readFile(`/proc/${pid.pid}/mountinfo`, 'utf8').catch(() => '');
    for (const line of mounts.split('\n')) {
      const [, , , root = '', at = ''] = line.split(' ');
      if (!root.endsWith(`/disks/${diskCid}`)) continue;
      const enter = nsenterCommand(this.#options.privilege, pid.pid);
      const failure = await tryCommand([...enter, 'umount', '-l', at], commandTimeMs);
      if (failure !== undefined) throw new Error(`${diskCid} is mounted at ${at}, and can't be unmounted: ${failure}`);
    }
  }

  async #readSettings(vmCid: VmCid): Promise<AgentSettings | undefined> {
    const path = join(this.#folder(vmCid), 'vcap/bosh/settings.json');
    const text = await readFile(path, 'utf8').catch(unless('ENOENT'));
    return text === undefined ? undefined : (JSON.parse(text) as AgentSettings); // written below
  }

  /** Holds the agent's credentials. */
  async #writeSettings(vmCid: VmCid, settings: AgentSettings): Promise<void> {
    const path = join(this.#folder(vmCid), 'vcap/bosh/settings.json');
    await writeFile(`${path}.new`, JSON.stringify(settings), { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  #folder(vmCid: VmCid): string {
    return join(this.#directory, 'vms', vmCid);
  }

  #disk(diskCid: DiskCid): string {
    return join(this.#directory, 'disks', diskCid);
  }
}

function kill({ pid }: ProcessIdentity): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}

/** Undefined where the kernel doesn't tell. */
async function firstChild({ pid }: ProcessIdentity): Promise<ProcessIdentity | undefined> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const first = Number.parseInt(children, 10);
  return Number.isNaN(first) ? undefined : identify(first);
}

async function consoleOf(folder: string): Promise<string> {
  const text = await readFile(join(folder, 'console.log'), 'utf8').catch(() => '');
  return text.trim().slice(-2000) || 'its console is empty';
}

function unless(code: string) {
  return (thrown: NodeJS.ErrnoException): undefined => {
    if (thrown.code !== code) throw thrown;
  };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** A program comes with what lies beside it, unless that is the folder that each machine has for itself. */
function shownBy(path: string): string {
  const folder = dirname(path);
  return folder === '/tmp' || folder === '/var/tmp' ? path : folder;
}

function notLoopback(what: string): CpiError {
  return new CpiError('VMCreationFailed', `${what}, and process machines have addresses of 127.0.0.0/8 only`, {
    hint: 'Give the network a range such as 127.10.0.0/24 in the cloud config.',
  });
}
