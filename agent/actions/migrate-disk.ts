import { textArgument } from '../arguments.ts';
import { ActionFailed } from '../errors.ts';
import type { Action } from './action.ts';

/**
 * Copies the store to the disk that is mounted beside it, and makes that one the store. The old disk keeps its data
 * and is no longer mounted. Where it broke off is no place to go on from: whoever repeats it mounts both anew first,
 * for no trace on a disk tells a whole copy from a half.
 */
export const migrateDisk: Action = async ({ settings, disksLock, platform: { disks, paths } }, { args, signal }) => {
  const from = textArgument(args, 0, 'from');
  const to = textArgument(args, 1, 'to');
  const [oldHint, newHint] = [settings.diskHint(from), settings.diskHint(to)];
  await disksLock.run(signal, async () => {
    if ((await disks.mountedAt(oldHint, [paths.store])) === undefined) throw notMounted(from, paths.store);
    if ((await disks.mountedAt(newHint, [paths.migrationTarget])) === undefined)
      throw notMounted(to, paths.migrationTarget);
    await disks.copy(paths.store, paths.migrationTarget, signal);
    await disks.unmount(oldHint, [paths.store]);
    await disks.unmount(newHint, [paths.migrationTarget]);
    await disks.mount(newHint, paths.store);
  });
  return {};
};

function notMounted(cid: string, at: string): ActionFailed {
  return new ActionFailed(`migrate_disk: "${cid}" is not mounted at ${at}`, { code: 'disk-refused' });
}
