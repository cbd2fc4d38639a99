import { messageOf } from '../../../common/errors.ts';
import type { DiskCid } from '../../../common/ids.ts';
import { CpiError, isUnsupported } from '../../../cpi/errors.ts';
import type { WantedDisk } from '../../plan/wanted.ts';
import type { PersistentDisk } from '../../store/instances.ts';
import { filledFor, setFor } from '../filled.ts';
import type { StepIo } from '../work.ts';
import { attach, cidOf, detach } from './disk-attachment.ts';
import { isForeverUnknown, leaveDiskBehind } from './left-behind.ts';
import { mountStore } from './mounts.ts';

/**
 * A disk that the infrastructure changes itself.
 *
 * INVARIANTS
 * - An update may end in another disk, under another cid. So it has a row of its own, which names the call, before it is
 *   asked for: whoever finds that row asks again, and hears what came of it.
 * - While there is such a row, the cid of the disk that serves counts for nothing: it is never attached before.
 */
export async function changeInPlace(
  io: StepIo,
  { from, to, how }: { from: PersistentDisk; to: WantedDisk; how: 'resize' | 'update' },
): Promise<boolean> {
  await detach(io, from);
  const done = how === 'resize' ? await resize(io, from, to) : await update(io, from, to);
  await mountStore(io, await attach(io, from), cidOf(from));
  return done;
}

async function resize(io: StepIo, from: PersistentDisk, { sizeMib }: WantedDisk): Promise<boolean> {
  const { cpis, task } = io;
  try {
    await cpis.named(from.cpi, task).resizeDisk(cidOf(from), sizeMib, task.signal);
  } catch (thrown) {
    return refused(io, thrown);
  }
  await task.store.instances.updateDisk(from.key, { sizeMib });
  from.sizeMib = sizeMib;
  return true;
}

async function update(io: StepIo, from: PersistentDisk, to: WantedDisk): Promise<boolean> {
  const { work, task, chance } = io;
  const { variableSet: _former, ...lasting } = from;
  const intent: PersistentDisk = {
    ...lasting,
    key: chance.uuid(),
    cid: null,
    state: 'updating',
    active: false,
    sizeMib: to.sizeMib,
    cloudProperties: to.cloudProperties,
    ...setFor(work, to.cloudProperties),
  };
  await task.store.instances.recordDisk(intent);
  work.instance.disks.push(intent);
  return ask(io, intent, from);
}

/** Before a disk is attached, taken for another or given up: what was begun is ended, whether it is still wanted or not. */
export async function endUpdates(io: StepIo): Promise<void> {
  const { disks } = io.work.instance;
  for (const intent of disks.filter(({ state }) => state === 'updating')) {
    const from = disks.find(({ active, name }) => active && name === intent.name);
    if (from === undefined) throw new Error(`${io.work.label}: disk ${intent.key} updates a disk that there is not`);
    await ask(io, intent, from);
  }
}

/** @returns false: the infrastructure cannot do it */
async function ask(io: StepIo, intent: PersistentDisk, from: PersistentDisk): Promise<boolean> {
  const { cpis, task, work } = io;
  const { sizeMib, cloudProperties, variableSet } = intent;
  let cid: DiskCid;
  try {
    const cpi = cpis.named(from.cpi, task);
    const filled = filledFor(work, cloudProperties, intent);
    cid = await cpi.updateDisk(cidOf(from), sizeMib, filled, intent.key, task.signal);
  } catch (thrown) {
    if (isForeverUnknown(thrown)) await leaveDiskBehind(io, intent, messageOf(thrown));
    else if (thrown instanceof CpiError) await forget(io, intent);
    return refused(io, thrown);
  }
  const changes = { cid, sizeMib, cloudProperties };
  await task.store.atomically(async ({ instances }) => {
    await instances.forgetDisk(intent.key);
    await instances.updateDisk(from.key, { ...changes, variableSet: variableSet ?? null });
  });
  drop(io, intent);
  Object.assign(from, changes, { variableSet });
  return true;
}

async function forget(io: StepIo, intent: PersistentDisk): Promise<void> {
  await io.task.store.instances.forgetDisk(intent.key);
  drop(io, intent);
}

function drop({ work: { instance } }: StepIo, { key }: PersistentDisk): void {
  instance.disks = instance.disks.filter((disk) => disk.key !== key);
}

function refused({ task, work }: StepIo, thrown: unknown): false {
  if (!isUnsupported(thrown)) throw thrown;
  task.debug(`${work.label}: the CPI cannot change the disk in place, its data is copied: ${messageOf(thrown)}`);
  return false;
}
