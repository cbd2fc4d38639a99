import type { World } from '../support/given-director.ts';
import type { Dice } from './dice.ts';

/** What somebody has taken away behind the director's back: it is no fault of the director's that it is gone. */
interface Lost {
  vms: Set<string>;
  disks: Set<string>;
}

const losses = new WeakMap<World['cpi'], Lost>();

export function lostIn({ cpi }: Pick<World, 'cpi'>): Readonly<Lost> {
  const lost = losses.get(cpi) ?? { vms: new Set<string>(), disks: new Set<string>() };
  losses.set(cpi, lost);
  return lost;
}

/** Some VMs and disks go, at the infrastructure alone. Not those of instances that are ignored: nobody would bring them back. */
export async function loseThings(world: World, dice: Dice, tell: (line: string) => void): Promise<void> {
  const { cpi, store } = world;
  const lost = lostIn(world);
  const there = cpi.inventory();
  for (const { ignore, compilation, vms, disks } of await store.instances.all()) {
    if (ignore || compilation) continue;
    for (const { cid } of disks) {
      const disk = there.disks.find((each) => each.cid === cid);
      if (disk === undefined || !dice.oneIn(15)) continue;
      tell(`${disk.cid} is lost`);
      lost.disks.add(disk.cid);
      if (disk.attachedTo !== null) await cpi.detachDisk(disk.attachedTo.vmCid, disk.cid);
      await cpi.deleteDisk(disk.cid);
    }
    for (const { cid } of vms) {
      if (cid === null || !there.vms.some((each) => each.cid === cid) || !dice.oneIn(8)) continue;
      tell(`${cid} is lost`);
      lost.vms.add(cid);
      await cpi.deleteVm(cid);
    }
  }
}
