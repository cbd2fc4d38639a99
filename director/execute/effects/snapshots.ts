import { messageOf } from '../../../common/errors.ts';
import type { DiskCid, SnapshotCid } from '../../../common/ids.ts';
import { CpiError, isCpiError, isUnsupported } from '../../../cpi/errors.ts';
import { activeVm } from '../../plan/actual.ts';
import type { PersistentDisk } from '../../store/instances.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import type { TaskContext } from '../../tasks/task-context.ts';
import type { Cpis } from '../cpis.ts';
import type { StepIo } from '../work.ts';
import { isForeverUnknown } from './left-behind.ts';

/**
 * INVARIANT: a snapshot's row is there before the CPI is asked, under a key that is the same whenever this task begins
 * anew: a task takes one snapshot of each disk.
 *
 * @returns their cids; none where the infrastructure takes no snapshots
 */
export async function takeSnapshots(io: StepIo, { clean }: { clean: boolean }): Promise<SnapshotCid[]> {
  const taken: SnapshotCid[] = [];
  for (const disk of io.work.instance.disks) {
    const { cid, active } = disk;
    if (cid === null || !active) continue;
    const snapshot = await takeSnapshot(io, { ...disk, cid }, clean);
    if (snapshot !== null) taken.push(snapshot);
  }
  return taken;
}

type MadeDisk = PersistentDisk & { cid: DiskCid };

async function takeSnapshot(io: StepIo, disk: MadeDisk, clean: boolean): Promise<SnapshotCid | null> {
  const { task, cpis, clock, work } = io;
  const { snapshots } = task.store;
  const intent = await snapshots.record({
    key: `${task.task.id}-${disk.key}`,
    cid: null,
    diskKey: disk.key,
    cpi: disk.cpi,
    clean,
    createdAtMs: clock.now(),
  });
  if (intent.cid !== null) return intent.cid;
  try {
    const cid = await cpis.named(disk.cpi, task).snapshotDisk(disk.cid, metadataOf(io), intent.key, task.signal);
    await snapshots.taken(intent.key, cid);
    return cid;
  } catch (thrown) {
    if (isForeverUnknown(thrown)) tellLost(task, work.label, disk, messageOf(thrown));
    if (isForeverUnknown(thrown) || thrown instanceof CpiError) await snapshots.forget(intent.key);
    if (!isUnsupported(thrown)) throw thrown;
    task.debug(`${work.label}: the CPI takes no snapshots: ${messageOf(thrown)}`);
    return null;
  }
}

function tellLost(task: TaskContext, label: string, { cid }: MadeDisk, why: string): void {
  task.events.warning(
    `${label}: a snapshot of disk ${cid} may exist on the infrastructure, and is no longer looked after: ${why}. ` +
      `Look there for one of this disk that \`bosh snapshots\` does not list, and delete it.`,
  );
}

/** BOSH's keys; tags win over them. */
function metadataOf({ work, settings }: StepIo): Record<string, string | number | null> {
  const { instance, machine } = work;
  return {
    deployment: instance.deployment,
    job: instance.group,
    index: instance.index,
    director_name: settings.directorName,
    director_uuid: settings.directorUuid,
    agent_id: activeVm(instance)?.agentId ?? null,
    instance_id: instance.id,
    ...(machine?.tags ?? (instance.spec?.['tags'] as Record<string, string> | undefined)), // baseSpec made it
  };
}

/**
 * The infrastructure first. One of which no answer was ever heard is asked for again, to hear its cid.
 * @param diskCid null: its disk was never made, and so there is none of it
 */
export async function deleteSnapshot(
  cpis: Cpis,
  task: TaskContext,
  { snapshot, diskCid }: { snapshot: Snapshot; diskCid: DiskCid | null },
): Promise<void> {
  const cpi = cpis.named(snapshot.cpi, task);
  try {
    const cid =
      snapshot.cid ?? (diskCid === null ? null : await cpi.snapshotDisk(diskCid, {}, snapshot.key, task.signal));
    if (cid !== null) await cpi.deleteSnapshot(cid, task.signal);
  } catch (thrown) {
    if (!isCpiError(thrown, 'DiskNotFound') && !isForeverUnknown(thrown)) throw thrown;
    if (isForeverUnknown(thrown))
      task.events.warning(`A snapshot of disk ${diskCid} may be left: ${messageOf(thrown)}`);
  }
  await task.store.snapshots.forget(snapshot.key);
}
