import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { writePidFile } from '../process-identity.ts';

/**
 * How a process machine is put together: shell scripts and the programs of util-linux.
 *
 * `unshare` makes namespaces of mounts, processes and shared memory; the first process in them is a shell that mounts
 * what differs from the host, and then is the machine's init: it reaps orphans, starts the agent again when it ends,
 * and when the shell ends or `unshare` is killed, the kernel kills everything else in the namespace, and its mounts
 * are gone. Without root, a user namespace gives the right to all that.
 */
export type Privilege = 'root' | 'user-namespace';

/** Of an init that found another one alive for this machine. */
export const runsAlready = 75;

/**
 * `$1` folder of the machine, then the command. Holds `lock` as long as anything of the machine lives: every process of
 * it inherits the open file. The pidfile names `unshare`, which the shell becomes.
 */
export const startScript = `
set -e
umask 0
exec 9>"$1/lock"
flock -n 9 || exit ${runsAlready}
rm -rf "$1/booted" "$1/off" "$1/private"
mkdir -p -m 1777 "$1/private/tmp" "$1/private/var/tmp"
pidfile=$1/pid
${writePidFile}
shift
umask 022
exec "$@"
`;

/**
 * `$1` folder of the machine, `$2` folder of all disks, `$3` how many paths of the host must stay visible; those; the
 * agent's command, which is told that it may mount over what it likes.
 *
 * /var/vcap need not be on the host and isn't made there: then a /var is put together of all that is in the host's.
 * What must stay visible is mounted into the private folder before that takes the place of /tmp.
 */
export const initScript = `
set -eu
vm=$1; disks=$2; visible=$3
shift 3
if [ ! -d /var/vcap ]; then
  mount -t tmpfs -o mode=755 tmpfs "$vm/var"
  mkdir "$vm/var/vcap"
  for entry in /var/* /var/.[!.]*; do
    own=$vm/var/\${entry#/var/}
    if [ -L "$entry" ]; then ln -s "$(readlink "$entry")" "$own"
    elif [ -d "$entry" ]; then mkdir "$own"; mount --rbind "$entry" "$own"
    elif [ -e "$entry" ]; then : >"$own"; mount --bind "$entry" "$own"
    fi
  done
  mount --rbind "$vm/var" /var
fi
for path in /tmp /var/tmp; do
  own=$vm/private$path
  shown=0
  for shown_path; do
    [ $shown -lt $visible ] || break
    shown=$((shown + 1))
    case $shown_path in $path/*) ;; *) continue ;; esac
    inside=$own\${shown_path#$path}
    if [ -d "$shown_path" ]; then mkdir -p "$inside"; else mkdir -p "\${inside%/*}"; : >"$inside"; fi
    mount --rbind "$shown_path" "$inside"
  done
  mount --rbind "$own" $path
done
shift $visible
mount --rbind "$vm/vcap" /var/vcap
mount --rbind "$disks" /var/vcap/attachable
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
cd /
: >"$vm/booted"
set +e
while :; do
  MACHINE_MOUNTS=own "$@" </dev/null
  [ $? -ne 0 ] || break
  sleep 1
done
: >"$vm/off"
`;

/** `unshare` and its arguments, before the command that runs in the namespaces. */
export function unshareCommand(privilege: Privilege): string[] {
  const user = privilege === 'root' ? [] : ['--user', '--map-root-user'];
  return ['unshare', ...user, '--mount', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc'];
}

/** Joins the namespaces of a machine's `unshare`. That of processes too, or its /proc would not know the command. */
export function nsenterCommand(privilege: Privilege, pid: number): string[] {
  const user = privilege === 'root' ? [] : ['--user', '--preserve-credentials'];
  return ['nsenter', '--target', String(pid), ...user, '--mount', `--pid=/proc/${pid}/ns/pid_for_children`];
}

/** Programs of the system, and the running node: jobs of ours need one. */
export function machinePath(): string {
  return `${dirname(process.execPath)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
}

const probeScript = `
set -e
command -v flock >/dev/null || { echo 'flock is not installed' >&2; exit 1; }
mount -t tmpfs tmpfs /dev/shm
mount --rbind /tmp /dev/shm
[ "$(readlink /proc/self)" != "" ]
`;
const probeTimeMs = 10_000;

export type Possible = { possible: true; privilege: Privilege } | { possible: false; reason: string };

/** Whether process machines can run here, by trying. A few milliseconds. */
export async function processMachinesPossible(): Promise<Possible> {
  if (process.platform !== 'linux')
    return { possible: false, reason: `they need Linux, and this is ${process.platform}` };
  const reasons: string[] = [];
  for (const privilege of process.getuid?.() === 0
    ? (['root', 'user-namespace'] as const)
    : (['user-namespace'] as const)) {
    const failure = await tryCommand([...unshareCommand(privilege), '/bin/sh', '-c', probeScript], probeTimeMs);
    if (failure === undefined) return { possible: true, privilege };
    const as = privilege === 'root' ? 'as root' : 'in a user namespace';
    reasons.push(`${as}: ${failure}`);
  }
  return { possible: false, reason: reasons.join('; ') };
}

/** Undefined when it ended well; or else what it said. */
export function tryCommand([program = '', ...given]: string[], timeMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, given, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: machinePath() },
      timeout: timeMs,
      killSignal: 'SIGKILL',
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (said.length < saidCharsMax) said += chunk.toString();
    });
    child.once('error', (thrown) => resolve(`${program}: ${thrown.message}`));
    child.once('close', (status, signal) => {
      if (status === 0) return resolve(undefined);
      resolve(said.trim().slice(0, saidCharsMax) || `${program} ended with ${signal ?? `status ${status}`}`);
    });
  });
}

const saidCharsMax = 2000;
