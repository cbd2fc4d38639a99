import type { Action } from './action.ts';

/**
 * The persistent disks that are mounted. Waits for a migration under way, as in BOSH: a director that lost its answer
 * shall not act on a state in the middle of it.
 */
export const listDisk: Action = ({ settings, disksLock, platform: { disks, paths } }, { signal }) =>
  disksLock.run(signal, async () => {
    const mounted: Array<{ cid: string; at: string }> = [];
    for (const [cid, hint] of settings.diskHints()) {
      const at = await disks.mountedAt(hint, [paths.store, paths.migrationTarget]);
      if (at !== undefined) mounted.push({ cid, at });
    }
    const order = (at: string) => (at === paths.store ? 0 : 1);
    return mounted.sort((a, b) => order(a.at) - order(b.at)).map(({ cid }) => cid);
  });
