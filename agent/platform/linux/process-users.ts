import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '../../../common/clock.ts';
import { ActionFailed } from '../../errors.ts';
import { readIfThere, writeWhole } from '../../files.ts';
import type { AgentPaths } from '../../paths.ts';
import type { Users } from '../platform.ts';
import { startProgram, type Started } from '../run.ts';
import { command, systemPath } from './commands.ts';
import { linuxUsers } from './users.ts';

/** Until the server listens: it makes no keys of its own. */
const listenMsMax = 10_000;
const askMs = 50;

/** `$1` the config of the server. Mounts of its own, so that nothing is written of its sessions where the computer does. */
const serverScript = `
set -e
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/sshd
for log in wtmp btmp lastlog; do
  [ -e /var/log/$log ] || continue
  : >/run/$log
  mount --bind /run/$log /var/log/$log
done
exec /usr/sbin/sshd -D -e -f "$1"
`;

/** `$1` folder for a file system in memory, which a copy of /etc goes to and takes its place, for this machine alone. */
const ownEtcScript = `
set -e
mkdir -p "$1"
mount -t tmpfs -o mode=755 tmpfs "$1"
cp -a /etc/. "$1"
mount --bind "$1" /etc
groupadd -f bosh_sudoers
groupadd -f bosh_sshers
[ ! -d /etc/sudoers.d ] || echo '%bosh_sudoers ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/bosh_sudoers
`;

/**
 * Accounts of a machine that is a set of processes: it shares the computer's network, and has mounts of its own. So it
 * gets an /etc of its own, and an ssh server for its address, when they are first asked for. They end with the machine.
 */
export function processUsers(paths: AgentPaths, ip: string | undefined): Users {
  const accounts = linuxUsers(paths.sshHomes, { locked: false });
  const hostKey = join(paths.bosh, 'ssh_host_ed25519_key');
  const etc = join(paths.bosh, 'etc');
  return {
    create: async (user, publicKey) => {
      await ready();
      await accounts.create(user, publicKey);
    },
    removeMatching: async (pattern) => {
      if (await hasOwnEtc()) await accounts.removeMatching(pattern);
    },
    hostPublicKey: async () => {
      await ready();
      return (await readFile(`${hostKey}.pub`, 'utf8')).trim();
    },
  };

  async function ready(): Promise<void> {
    if (ip === undefined) throw unsupported('it has no address', 'Give it one on a network of type manual.');
    await refuseWithoutRights();
    if (!(await hasOwnEtc())) await command(['sh', '-c', ownEtcScript, 'own-etc', etc]);
    if ((await readIfThere(`${hostKey}.pub`)) === undefined)
      await command(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', hostKey]);
    if (!(await isListening(ip))) await startServer(ip);
  }

  async function hasOwnEtc(): Promise<boolean> {
    return (await readFile('/proc/self/mounts', 'utf8')).includes(' /etc tmpfs ');
  }

  async function startServer(address: string): Promise<void> {
    const config = join(paths.bosh, 'sshd_config');
    await writeWhole(config, configOf(address, hostKey));
    const log = join(paths.agentLog, 'sshd.log');
    const started = await startProgram('unshare', {
      args: ['--mount', 'sh', '-c', serverScript, 'ssh-server', config],
      env: { PATH: systemPath, LC_ALL: 'C' },
      stdout: log,
      stderr: log,
    });
    await untilListening(address, started, log);
  }
}

/** Who is root in a user namespace of one user alone can't have accounts of others. */
async function refuseWithoutRights(): Promise<void> {
  const users = (await readFile('/proc/self/uid_map', 'utf8')).trim().split(/\s+/);
  const isRoot = process.getuid?.() === 0 && Number(users[2]) > 65_536;
  if (!isRoot) throw unsupported('the director does not run as root', 'Start the director as root.');
  if ((await readIfThere('/usr/sbin/sshd')) === undefined)
    throw unsupported('this computer has no ssh server', 'Install one: apt-get install openssh-server.');
}

function configOf(address: string, hostKey: string): string {
  return `AddressFamily any
ListenAddress ${address.includes(':') ? `[${address}]` : address}:22
HostKey ${hostKey}
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
AllowUsers bosh_*
PrintMotd no
PrintLastLog no
Subsystem sftp internal-sftp
`;
}

async function untilListening(address: string, server: Started, log: string): Promise<void> {
  let ended = false;
  void server.exited.then(() => (ended = true));
  const endMs = systemClock.now() + listenMsMax;
  while (!(await isListening(address))) {
    if (ended || systemClock.now() > endMs) {
      server.end();
      const said = ((await readIfThere(log)) ?? '').trim().split('\n').at(-1) ?? '';
      throw unsupported(
        `its ssh server does not start: ${said}`,
        'Where the computer has an ssh server that listens on all addresses, give that one an address of its own.',
      );
    }
    await systemClock.sleep(askMs);
  }
}

function isListening(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 22 });
    const answer = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}

function unsupported(why: string, hint: string): ActionFailed {
  return new ActionFailed(`ssh: nobody can log in to this process machine: ${why}`, { code: 'ssh-unsupported', hint });
}
