import { lstat, mkdir, readdir, readFile, readlink, realpath, rm, rmdir, stat, symlink } from 'node:fs/promises';
import type { Clock } from '../../../common/clock.ts';
import { ActionFailed } from '../../errors.ts';
import { codeOf, orAbsent } from '../../files.ts';
import type { DiskHint } from '../../protocol.ts';
import { textAt } from '../../shape.ts';
import type { Disks } from '../platform.ts';
import { command } from './commands.ts';
import { preparedPartition, type Formatting } from './partition.ts';

/**
 * Persistent disks. A hint that names a folder of this machine (process machines) is bound to the mount point, or
 * linked there when the agent may not mount; one that names a block device is partitioned and formatted when it is
 * blank, never otherwise, and mounted.
 */
export function linuxDisks({ clock, formatting }: { clock: Clock; formatting: Formatting }): Disks {
  return {
    mount: async (hint, at) => {
      const source = await waitForSource(hint, clock);
      if (await isMountedAt(source, at)) return;
      await prepareMountPoint(at);
      if (!source.folder) {
        const partition = await preparedPartition(source.path, formatting, clock);
        await command(['mount', ...mountOptions(formatting), partition, at]);
        return;
      }
      await bindOrLink(source.path, at);
    },
    unmount: async (hint, from) => {
      const source = await findSource(hint);
      for (const at of from) {
        if (source === undefined || !(await isMountedAt(source, at))) continue;
        if ((await linkTarget(at)) === undefined) await command(['umount', at]);
        else await rm(at);
        return true;
      }
      return false;
    },
    mountedAt: async (hint, paths) => {
      const source = await findSource(hint);
      if (source === undefined) return undefined;
      for (const at of paths) if (await isMountedAt(source, at)) return at;
      return undefined;
    },
    locate: async (hint) => (await findSource(hint))?.path,
    copy: async (from, to, signal) => {
      // The trailing dot: what is in it, hidden files too, and not the folder itself.
      await command(['cp', '-a', '--', `${from}/.`, `${to}/`], { signal });
    },
  };
}

interface Source {
  path: string;
  folder: boolean;
}

/** A device appears some time after the infrastructure has attached it. */
async function waitForSource(hint: DiskHint, clock: Clock): Promise<Source> {
  const endMs = clock.now() + appearsWithinMs;
  for (;;) {
    const source = await findSource(hint);
    if (source !== undefined) return source;
    if (clock.now() >= endMs) {
      throw new ActionFailed(`no disk appeared within ${appearsWithinMs / 1000} s at ${JSON.stringify(hint)}`, {
        code: 'disk-absent',
        hint: 'Check that the infrastructure has attached it to this VM.',
      });
    }
    await clock.sleep(lookEveryMs);
  }
}

async function findSource(hint: DiskHint): Promise<Source | undefined> {
  const path = await pathOf(hint);
  const resolved = path === undefined ? undefined : await orAbsent(realpath(path));
  if (resolved === undefined) return undefined;
  return { path: resolved, folder: (await stat(resolved)).isDirectory() };
}

/** BOSH's hints: a path, `{path}`, or an id that udev makes a link of. */
async function pathOf(hint: DiskHint): Promise<string | undefined> {
  const path = typeof hint === 'string' ? hint : (textAt(hint, 'path') ?? '');
  if (path.startsWith('/')) return path;
  const id = textAt(hint, 'volume_id') ?? textAt(hint, 'id');
  if (id === undefined) {
    throw new ActionFailed(`this agent cannot find a disk by ${JSON.stringify(hint)}`, {
      code: 'disk-hint-unknown',
      hint: 'It knows a path, {"path"}, {"volume_id"} and {"id"}.',
    });
  }
  const links = (await orAbsent(readdir(byId))) ?? [];
  // virtio cuts ids after 20 characters, others put a name of the bus before them.
  const link = links.find((name) => name.endsWith(id) || name.endsWith(`-${id.slice(0, 20)}`));
  return link === undefined ? undefined : `${byId}/${link}`;
}

async function isMountedAt(source: Source, at: string): Promise<boolean> {
  const target = await linkTarget(at);
  if (target !== undefined) return target === source.path;
  const real = await orAbsent(realpath(at));
  if (real === undefined) return false;
  if (source.folder) return (await isMountPoint(real)) && isSameFolder(source.path, real);
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  return mounts.split('\n').some((line) => {
    const [device = '', point] = line.split(' ');
    return point === real && (device === source.path || isPartitionOf(device, source.path));
  });
}

function isPartitionOf(partition: string, device: string): boolean {
  return partition.startsWith(device) && /^p?\d+$/.test(partition.slice(device.length));
}

async function isMountPoint(path: string): Promise<boolean> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  return mounts.split('\n').some((line) => line.split(' ')[1] === path);
}

async function isSameFolder(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([stat(a), stat(b)]);
  return one.dev === other.dev && one.ino === other.ino;
}

async function linkTarget(at: string): Promise<string | undefined> {
  const found = await orAbsent(lstat(at));
  return found?.isSymbolicLink() === true ? readlink(at) : undefined;
}

/** Whatever lies in the folder would vanish behind the mount, so that it must be empty. */
async function prepareMountPoint(at: string): Promise<void> {
  if ((await linkTarget(at)) !== undefined || (await isMountPoint(at))) {
    throw new ActionFailed(`another disk is mounted at ${at}`, { code: 'disk-refused' });
  }
  await mkdir(at, { recursive: true, mode: 0o755 });
}

/** Without the right to mount (no root, no mount namespace) a link does the same for jobs. */
async function bindOrLink(source: string, at: string): Promise<void> {
  try {
    await command(['mount', '--bind', source, at]);
  } catch (mountFailure) {
    try {
      await rmdir(at);
    } catch (thrown) {
      if (codeOf(thrown) === 'ENOTEMPTY') {
        throw new ActionFailed(`${at} is not empty, and the disk cannot be mounted over it`, {
          code: 'disk-refused',
          cause: mountFailure,
        });
      }
      throw thrown;
    }
    await symlink(source, at);
  }
}

function mountOptions({ options }: Formatting): string[] {
  return options.length === 0 ? [] : ['-o', options.join(',')];
}

const byId = '/dev/disk/by-id';
const appearsWithinMs = 60_000;
const lookEveryMs = 500;
