import type { DiskCid } from '../../../common/ids.ts';
import { isCpiError, isUnsupported } from '../../../cpi/errors.ts';
import { activeVm } from '../../plan/actual.ts';
import type { PersistentDisk, Vm } from '../../store/instances.ts';
import type { StepIo } from '../work.ts';

/** Told to the infrastructure and to the agent; not mounted. @returns the VM that has it now */
export async function attach(io: StepIo, disk: PersistentDisk): Promise<Vm> {
  const { work, task, agents } = io;
  const vm = servingVm(io);
  const cid = cidOf(disk);
  const hint = await attachAtCpi(io, vm, cid);
  await setMetadata(io, vm, cid);
  await agents.call(vm.agentId, 'add_persistent_disk', [cid, hint], { label: work.label, signal: task.signal });
  return vm;
}

/** @returns the hint by which the agent finds it */
export async function attachAtCpi({ work, task, cpis }: StepIo, vm: Vm, cid: DiskCid) {
  if (vm.cid === null) throw new Error(`${work.label}: the VM that serves has no cid`);
  return cpis.named(vm.cpi, task, vm.stemcell).attachDisk(vm.cid, cid, task.signal);
}

/** Without a VM there is nothing to do. */
export async function detach(io: StepIo, disk: PersistentDisk): Promise<void> {
  const { work, task, agents } = io;
  const vm = activeVm(work.instance);
  if (disk.cid === null || vm === null) return;
  const call = { label: work.label, signal: task.signal };
  if (disk.name === '') {
    const mounted = await agents.call(vm.agentId, 'list_disk', [], call);
    if (mounted.includes(disk.cid)) await agents.call(vm.agentId, 'unmount_disk', [disk.cid], call);
  }
  await letGo(io, vm, disk.cid);
}

/** Of a disk that is not mounted. */
export async function letGo({ work, task, cpis, agents }: StepIo, vm: Vm, cid: DiskCid): Promise<void> {
  if (vm.cid === null) return;
  await agents.call(vm.agentId, 'remove_persistent_disk', [cid], { label: work.label, signal: task.signal });
  try {
    await cpis.named(vm.cpi, task, vm.stemcell).detachDisk(vm.cid, cid, task.signal);
  } catch (thrown) {
    if (!isCpiError(thrown, 'DiskNotAttached') && !isCpiError(thrown, 'DiskNotFound')) throw thrown;
  }
}

export async function setMetadata({ work, task, cpis, settings, clock }: StepIo, vm: Vm, cid: DiskCid): Promise<void> {
  const { instance, machine } = work;
  const metadata = {
    ...(machine?.tags ?? (instance.spec?.['tags'] as Record<string, string> | undefined)), // baseSpec made it
    director: settings.directorName,
    deployment: instance.deployment,
    instance_id: instance.id,
    instance_index: String(instance.index),
    instance_group: instance.group,
    attached_at: new Date(clock.now()).toISOString(),
  };
  try {
    await cpis.named(vm.cpi, task, vm.stemcell).setDiskMetadata(cid, metadata, task.signal);
  } catch (thrown) {
    if (!isUnsupported(thrown)) throw thrown;
  }
}

export function cidOf({ key, cid }: PersistentDisk): DiskCid {
  if (cid === null) throw new Error(`disk ${key} is used and was never made`);
  return cid;
}

export function servingVm({ work }: StepIo): Vm {
  const vm = activeVm(work.instance);
  if (vm === null) throw new Error(`${work.label} has no VM to attach a disk to`);
  return vm;
}
