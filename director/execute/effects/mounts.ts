import { id, type DiskCid } from '../../../common/ids.ts';
import type { Vm } from '../../store/instances.ts';
import type { StepIo } from '../work.ts';
import { letGo } from './disk-attachment.ts';

/**
 * Which disk is the store of a machine.
 *
 * An agent makes the first disk that it is told to mount the store, and mounts a second one beside it; `list_disk` does
 * not say which is which, and a reboot may bring up the new disk of a migration as the store, half copied. So where a
 * disk is mounted is never asked: unless the right one is alone there, all come off and are mounted anew, in order.
 * Source: the agent's linux_platform.go and bootstrap.go.
 *
 * INVARIANTS
 * - Jobs are stopped, and have not run since a migration began: until the store of the director says otherwise, the old
 *   disk holds all data, and copying it again loses none.
 * - A disk that is mounted alone is the store and writable: nothing here leaves another state behind.
 */
export async function mountStore(io: StepIo, vm: Vm, cid: DiskCid): Promise<void> {
  if (await unmountUnlessAlone(io, vm, cid)) return;
  await mount(io, vm, cid);
}

/** Copies the store to another disk, which is the store then; an earlier attempt may have come to any point of this. */
export async function migrateStore(io: StepIo, vm: Vm, { from, to }: { from: DiskCid; to: DiskCid }): Promise<void> {
  const { agents, work, task } = io;
  await mountStore(io, vm, from);
  await mount(io, vm, to);
  await agents.call(vm.agentId, 'migrate_disk', [from, to], { label: work.label, signal: task.signal });
}

/**
 * What is mounted and is none of the instance's was orphaned while its jobs ran: from here on the VM has it no more.
 * @returns whether it is mounted, and no other is; if not, none is mounted any more
 */
export async function unmountUnlessAlone(io: StepIo, vm: Vm, cid: DiskCid | null): Promise<boolean> {
  const { agents, work, task } = io;
  const call = { label: work.label, signal: task.signal };
  const mounted = await agents.call(vm.agentId, 'list_disk', [], call);
  if (mounted.length === 1 && mounted[0] === cid) return true;
  // That one first: after a copy that broke off it is mounted read-only, and must not be left alone like this.
  const inOrder = [...mounted].sort((a, b) => Number(b === cid) - Number(a === cid));
  const own = new Set<string | null>(work.instance.disks.map((disk) => disk.cid));
  for (const each of inOrder) {
    await agents.call(vm.agentId, 'unmount_disk', [each], call);
    if (!own.has(each)) await letGo(io, vm, id<DiskCid>(each));
  }
  return false;
}

async function mount({ agents, work, task }: StepIo, vm: Vm, cid: DiskCid): Promise<void> {
  await agents.call(vm.agentId, 'mount_disk', [cid], { label: work.label, signal: task.signal });
}
