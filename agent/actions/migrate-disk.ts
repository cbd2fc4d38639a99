import { textArgument } from '../arguments.ts';
import { ActionFailed } from '../errors.ts';
import type { Action } from './action.ts';

/**
 * Copies the store to the disk that is mounted beside it, and makes that one the store. The old disk keeps its data
 * and is no longer mounted. Repeated after a crash, it copies again, or finds itself done.
 */
export const migrateDisk: Action = async ({ settings, disksLock, platform: { disks, paths } }, { args, signal }) => {
  const from = textArgument(args, 0, 'from');
  const to = textArgument(args, 1, 'to');
  const [oldHint, newHint] = [settings.diskHint(from), settings.diskHint(to)];
  await disksLock.run(signal, async () => {
    if ((await disks.mountedAt(newHint, [paths.store])) !== undefined) return;
    if ((await disks.mountedAt(newHint, [paths.migrationTarget])) === undefined)
      throw notMounted(to, paths.migrationTarget);
    // Absent after a crash between the unmounts: then all is copied.
    if ((await disks.mountedAt(oldHint, [paths.store])) !== undefined) {
      await disks.copy(paths.store, paths.migrationTarget, signal);
      await disks.unmount(oldHint, [paths.store]);
    }
    await disks.unmount(newHint, [paths.migrationTarget]);
    await disks.mount(newHint, paths.store);
  });
  return {};
};

function notMounted(cid: string, at: string): ActionFailed {
  return new ActionFailed(`migrate_disk: "${cid}" is not mounted at ${at}`, { code: 'disk-refused' });
}
