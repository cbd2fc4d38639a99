import { messageOf } from '../../common/errors.ts';
import { isCpiError } from '../../cpi/errors.ts';
import { AgentFailed, AgentTimedOut } from '../bus/agent-errors.ts';
import { attachDisks, orphan } from '../execute/effects/disks.ts';
import { activeVm } from '../plan/actual.ts';
import type { PersistentDisk, Vm } from '../store/instances.ts';
import { diskOf, type RepairIo, RepairRefused, vmExists, whileAgentAnswers } from './repair-io.ts';
import { agentAnswersMsMax } from './scan-vms.ts';
import { reboot } from './repair-vm.ts';

/** The infrastructure does not have it any more: it goes on among the orphans, in case that it comes back. */
export async function removeDiskReference(io: RepairIo): Promise<void> {
  const disk = diskOf(io);
  const vm = activeVm(io.work.instance);
  if (vm !== null && (await vmExists(io, vm))) {
    await takeFromAgent(io, vm, disk);
    await detach(io, vm, disk);
  }
  await orphan(io, disk);
}

/** An agent that does not answer is probably busy failing to read it, and does without after its next start. */
async function takeFromAgent(io: RepairIo, { agentId }: Vm, { cid }: PersistentDisk): Promise<void> {
  const { agents } = io;
  if (cid === null) return;
  try {
    if ((await mountedOn(io, agentId)).includes(cid)) await agents.call(agentId, 'unmount_disk', [cid], callOf(io));
    await agents.call(agentId, 'remove_persistent_disk', [cid], callOf(io));
  } catch (thrown) {
    if (thrown instanceof AgentFailed) throw new RepairRefused(`Cannot unmount disk, ${messageOf(thrown)}`, thrown);
    if (!(thrown instanceof AgentTimedOut)) throw thrown;
  }
}

async function detach({ cpis, task }: RepairIo, vm: Vm, { cid }: PersistentDisk): Promise<void> {
  if (vm.cid === null || cid === null) return;
  try {
    await cpis.named(vm.cpi, task, vm.stemcell).detachDisk(vm.cid, cid, task.signal);
  } catch (thrown) {
    if (!isCpiError(thrown, 'DiskNotAttached') && !isCpiError(thrown, 'DiskNotFound')) throw thrown;
  }
}

/** It becomes an orphan, which may be fetched back until its time is over. */
export async function removeDisk(io: RepairIo): Promise<void> {
  const { task } = io;
  const disk = diskOf(io);
  if (await isMounted(io, disk)) throw new RepairRefused('Disk is currently in use');
  const vm = activeVm(io.work.instance);
  if (vm !== null) {
    await detach(io, vm, disk).catch((thrown: unknown) => {
      task.signal.throwIfAborted();
      task.debug(`detaching ${disk.cid} failed, which nobody uses: ${messageOf(thrown)}`);
    });
  }
  await orphan(io, disk);
}

export async function activateDisk(io: RepairIo): Promise<void> {
  const { work, task } = io;
  const disk = diskOf(io);
  if (!(await isMounted(io, disk))) throw new RepairRefused('Disk is not mounted');
  if (work.instance.disks.some(({ active, name }) => active && name === disk.name))
    throw new RepairRefused('Instance already has an active disk');
  await task.store.instances.updateDisk(disk.key, { active: true, state: 'live' });
  Object.assign(disk, { active: true, state: 'live' });
}

export async function reattachDisk(io: RepairIo): Promise<void> {
  const { work } = await io.former(); // knows the tags that disks have
  await whileAgentAnswers(io, () => attachDisks({ ...io, work }));
}

export async function reattachDiskAndReboot(io: RepairIo): Promise<void> {
  await reattachDisk(io);
  await reboot(io);
}

async function isMounted(io: RepairIo, { cid }: PersistentDisk): Promise<boolean> {
  const vm = activeVm(io.work.instance);
  if (vm === null || cid === null) return false;
  return whileAgentAnswers(io, async () => (await mountedOn(io, vm.agentId)).includes(cid));
}

function mountedOn(io: RepairIo, agentId: Vm['agentId']): Promise<string[]> {
  return io.agents.call(agentId, 'list_disk', [], callOf(io));
}

function callOf({ work, task }: RepairIo) {
  return { label: work.label, timeoutMs: agentAnswersMsMax, signal: task.signal };
}
