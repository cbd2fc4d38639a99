import { textArgument } from '../arguments.ts';
import type { Action } from './action.ts';

export const unmountDisk: Action = async ({ settings, disksLock, platform: { disks, paths } }, { args, signal }) => {
  const cid = textArgument(args, 0, 'disk cid');
  const hint = settings.diskHint(cid);
  const done = await disksLock.run(signal, () => disks.unmount(hint, [paths.store, paths.migrationTarget]));
  return { message: done ? `Unmounted partition of ${cid}` : `Partition of ${cid} is not mounted` };
};
