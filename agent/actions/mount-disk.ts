import { textArgument } from '../arguments.ts';
import { ActionFailed } from '../errors.ts';
import type { Machine } from '../machine.ts';
import type { Action } from './action.ts';

/**
 * Mounts a disk as the store, or beside it when another one is the store: that is the destination of a migration. One
 * that is there without a store is not taken for the store: it may be half copied.
 */
export const mountDisk: Action = async (machine, { args, signal }) => {
  const cid = textArgument(args, 0, 'disk cid');
  const hint = machine.settings.diskHint(cid);
  const { disks, paths } = machine.platform;
  await machine.disksLock.run(signal, async () => {
    const at = await disks.mountedAt(hint, [paths.store, paths.migrationTarget]);
    if (at === paths.store) return;
    const taken = await isStoreTaken(machine);
    if (at === undefined) await disks.mount(hint, taken ? paths.migrationTarget : paths.store);
    else if (!taken) throw mountedBeside(cid, at);
  });
  return {};
};

async function isStoreTaken({ settings, platform: { disks, paths } }: Machine): Promise<boolean> {
  for (const hint of settings.diskHints().values()) {
    if ((await disks.mountedAt(hint, [paths.store])) !== undefined) return true;
  }
  return false;
}

function mountedBeside(cid: string, at: string): ActionFailed {
  return new ActionFailed(`mount_disk: "${cid}" is mounted at ${at}, where a migration broke off; unmount it first`, {
    code: 'disk-refused',
  });
}
