import type { DiskCid } from '../../../common/ids.ts';
import { messageOf } from '../../../common/errors.ts';
import { activeVm, instanceLabel } from '../../plan/actual.ts';
import type { WantedDisk } from '../../plan/wanted.ts';
import type { PersistentDisk, Vm } from '../../store/instances.ts';
import type { Store } from '../../store/store.ts';
import { filledFor, setFor } from '../filled.ts';
import { sameFilled } from '../../plan/compare-filled.ts';
import type { StepIo } from '../work.ts';
import { attach, cidOf, detach, servingVm, setMetadata } from './disk-attachment.ts';
import { changeInPlace, endUpdates } from './disk-in-place.ts';
import { goesOnPast, isForeverUnknown, leaveDiskBehind } from './left-behind.ts';
import { unmountUnlessAlone, migrateStore, mountStore } from './mounts.ts';

/**
 * INVARIANTS
 * - A disk's row, under a key that we chose, is there before the CPI is asked.
 * - A disk with data is never deleted here: what is no longer wanted is orphaned, with its time.
 * - The old disk stays the active one until its data is on the new one; no job starts before (effects/mounts.ts).
 */
export async function attachDisks(io: StepIo): Promise<void> {
  await endUpdates(io);
  for (const disk of servingDisks(io)) {
    const vm = await attach(io, disk);
    if (disk.name === '') await mountStore(io, vm, cidOf(disk));
  }
}

/** Those of a change that broke off, too: an infrastructure may delete what is attached together with a VM. */
export async function detachDisks(io: StepIo): Promise<void> {
  for (const disk of io.work.instance.disks) await detach(io, disk);
}

function servingDisks({ work }: StepIo): PersistentDisk[] {
  return work.instance.disks.filter(({ active, state }) => active && state === 'live');
}

/** Makes a disk, replaces one by another with its data, or gives one up. Resumes where an earlier run broke off. */
export async function changeDisk(
  io: StepIo,
  change: { name: string; from: string | null; to: WantedDisk | null; inPlace: 'resize' | 'update' | null },
): Promise<void> {
  const { work, task } = io;
  await endUpdates(io);
  const from = work.instance.disks.find(({ key }) => key === change.from) ?? null;
  if (change.to === null) {
    if (from !== null) await giveUp(io, from);
    return;
  }
  const { to: wanted, inPlace } = change;
  if (from !== null && inPlace !== null && (await changeInPlace(io, { from, to: wanted, how: inPlace }))) return;
  const made = await make(io, wanted);
  const vm = await attach(io, made);
  if (change.name === '') {
    const to = cidOf(made);
    await (from === null ? mountStore(io, vm, to) : migrateStore(io, vm, { from: cidOf(from), to }));
  }
  // What has served is marked: it must never be taken for a disk that was made for the next change.
  await task.store.atomically(async (store) => {
    await store.instances.updateDisk(made.key, { active: true });
    if (from !== null) await store.instances.updateDisk(from.key, { active: false, state: 'orphaned' });
  });
  made.active = true;
  if (from === null) return;
  Object.assign(from, { active: false, state: 'orphaned' });
  await giveUp(io, from);
}

/**
 * Before jobs start: a disk that was made for a change which is no longer wanted may be what is mounted, and what is on
 * it is old from now on.
 */
export async function settleDisks(io: StepIo): Promise<void> {
  if (straysOf(io).length === 0) return;
  await attachDisks(io);
  await giveUpStrays(io);
}

/**
 * Disks that were made for a change which is no longer wanted, or have served and could not be detached then. Unless the
 * disk that serves is mounted as it shall be, it is mounted no more: whoever starts the jobs again sees to that.
 */
export async function giveUpStrays(io: StepIo): Promise<void> {
  const strays = straysOf(io);
  if (strays.length === 0) return;
  await endUpdates(io);
  const vm = activeVm(io.work.instance);
  const store = servingDisks(io).find(({ name }) => name === '');
  if (vm?.cid != null) await unmountUnlessAlone(io, vm, store?.cid ?? null);
  for (const disk of straysOf(io)) await giveUp(io, disk);
}

function straysOf({ work }: StepIo): PersistentDisk[] {
  return work.instance.disks.filter(({ active }) => !active);
}

async function make(io: StepIo, to: WantedDisk): Promise<PersistentDisk> {
  const { work, task, cpis, chance } = io;
  const vm = servingVm(io);
  // One that an earlier run made, or was making, for this change.
  let disk = work.instance.disks.find(
    ({ active, name, state, sizeMib, cloudProperties, variableSet }) =>
      !active &&
      state !== 'orphaned' &&
      name === to.name &&
      sizeMib === to.sizeMib &&
      sameFilled({ value: cloudProperties, set: variableSet }, to.cloudProperties, work.variables),
  );
  const asked = disk !== undefined;
  if (disk === undefined) {
    disk = {
      key: chance.uuid(),
      cid: null,
      instanceId: work.instance.id,
      state: 'creating',
      active: false,
      sizeMib: to.sizeMib,
      cloudProperties: to.cloudProperties,
      ...setFor(work, to.cloudProperties),
      name: to.name,
      cpi: vm.cpi,
    };
    await task.store.instances.recordDisk(disk);
    work.instance.disks.push(disk);
  }
  if (disk.cid !== null) return disk;
  const event = { action: 'create', objectType: 'disk', deployment: work.instance.deployment, instance: work.label };
  const parentId = await task.record(event);
  let cid: DiskCid;
  try {
    const cpi = cpis.named(vm.cpi, task, vm.stemcell);
    cid = await cpi.createDisk(to.sizeMib, filledFor(work, disk.cloudProperties, disk), vm.cid, disk.key, task.signal);
  } catch (thrown) {
    await task.record({ ...event, parentId, error: messageOf(thrown) });
    if (!asked || !isForeverUnknown(thrown)) throw thrown;
    await leaveDiskBehind(io, disk, messageOf(thrown));
    return make(io, to);
  }
  await task.store.instances.updateDisk(disk.key, { cid, state: 'live' });
  Object.assign(disk, { cid, state: 'live' });
  await task.record({ ...event, objectName: cid, parentId });
  return disk;
}

/** Of every disk that serves. */
export async function setDiskMetadata(io: StepIo, vm: Vm): Promise<void> {
  for (const { cid } of servingDisks(io)) if (cid !== null) await setMetadata(io, vm, cid);
}

async function giveUp(io: StepIo, disk: PersistentDisk): Promise<void> {
  await detach(io, disk);
  await orphan(io, disk);
}

/** Its data stays until somebody deletes it, or its time is over. */
export async function orphan(io: StepIo, disk: PersistentDisk): Promise<void> {
  if (disk.cid === null) await unmake(io, disk);
  else await orphanRow(io, disk, io.task.store);
  await orphaned(io, disk);
}

/** Without telling of it: `orphaned` does. @param store the task's, or inside of a transaction of it */
export async function orphanRow(
  { work, clock }: Pick<StepIo, 'work' | 'clock'>,
  disk: PersistentDisk,
  store: Pick<Store, 'instances'>,
): Promise<void> {
  const { instance } = work;
  const from = { deployment: instance.deployment, instance: instanceLabel(instance), az: instance.az };
  await store.instances.orphanDisk(disk.key, from, clock.now());
}

export async function orphaned({ work, task }: StepIo, { key, cid }: PersistentDisk): Promise<void> {
  const { instance } = work;
  instance.disks = instance.disks.filter((disk) => disk.key !== key);
  if (cid === null) return;
  const event = { action: 'orphan', objectType: 'disk', objectName: cid };
  await task.record({ ...event, deployment: instance.deployment, instance: work.label });
}

/** A disk whose making was never answered holds no data: the same call tells its cid, and it is deleted. */
async function unmake(io: StepIo, disk: PersistentDisk): Promise<void> {
  const { task, cpis, work } = io;
  const cpi = cpis.named(disk.cpi, task);
  try {
    const cid = await cpi.createDisk(
      disk.sizeMib,
      filledFor(work, disk.cloudProperties, disk),
      null,
      disk.key,
      task.signal,
    );
    await cpi.deleteDisk(cid, task.signal);
  } catch (thrown) {
    if (!isForeverUnknown(thrown) && !goesOnPast(thrown, io)) throw thrown;
    return leaveDiskBehind(io, disk, messageOf(thrown));
  }
  await task.store.instances.forgetDisk(disk.key);
}
