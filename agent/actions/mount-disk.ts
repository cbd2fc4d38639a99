import { textArgument } from '../arguments.ts';
import type { Machine } from '../machine.ts';
import type { Action } from './action.ts';

/** Mounts a disk as the store, or beside it when another one is the store: that is the destination of a migration. */
export const mountDisk: Action = async (machine, { args, signal }) => {
  const hint = machine.settings.diskHint(textArgument(args, 0, 'disk cid'));
  const { disks, paths } = machine.platform;
  await machine.disksLock.run(signal, async () => {
    if ((await disks.mountedAt(hint, [paths.store, paths.migrationTarget])) !== undefined) return;
    await disks.mount(hint, (await isStoreTaken(machine)) ? paths.migrationTarget : paths.store);
  });
  return {};
};

async function isStoreTaken({ settings, platform: { disks, paths } }: Machine): Promise<boolean> {
  for (const hint of settings.diskHints().values()) {
    if ((await disks.mountedAt(hint, [paths.store])) !== undefined) return true;
  }
  return false;
}
