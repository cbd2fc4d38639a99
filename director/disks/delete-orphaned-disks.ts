import { messageOf } from '../../common/errors.ts';
import { id, type DiskCid } from '../../common/ids.ts';
import { isCpiError } from '../../cpi/errors.ts';
import type { Cpis } from '../execute/cpis.ts';
import { deleteSnapshot } from '../execute/effects/snapshots.ts';
import { inParallel } from '../execute/in-parallel.ts';
import type { OrphanedDisk } from '../store/instances.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import type { DeleteOrphanedDisksArgs } from './args.ts';
import { diskLock, diskLockWaitMs } from './locks.ts';

/** `bosh delete-disk`. Of what is not orphaned, or not any more, nothing is deleted; as in BOSH that is no error. */
export function deleteOrphanedDisks({ cpis }: { cpis: Cpis }): TaskHandler {
  return async (task) => {
    const { diskCids } = task.task.args as DeleteOrphanedDisksArgs; // the API has checked it
    const stage = task.events.stage('Deleting orphaned disks', diskCids.length);
    for (const cid of diskCids) {
      task.checkpoint();
      await stage.task(`Deleting orphaned disk ${cid}`, () => deleteOrphanedDisk(cpis, task, id<DiskCid>(cid)));
    }
    return `orphaned disk(s) ${diskCids.join(', ')} deleted`;
  };
}

/** Disks that are deleted at once. Each waits for its infrastructure alone. As BOSH. */
const atOnceMax = 32;

export async function deleteAllOrphaned(
  cpis: Cpis,
  task: TaskContext,
  { stageName, disks }: { stageName: string; disks: readonly OrphanedDisk[] },
): Promise<void> {
  const stage = task.events.stage(stageName, disks.length);
  await inParallel(disks, atOnceMax, async ({ cid }) => {
    task.checkpoint();
    await stage.task(cid, () => deleteOrphanedDisk(cpis, task, cid));
  });
}

/**
 * The infrastructure first: a disk that we forget and it keeps is what must never be. Under its lock, for somebody may
 * have given the disk to an instance since it was listed.
 */
export async function deleteOrphanedDisk(cpis: Cpis, task: TaskContext, cid: DiskCid): Promise<void> {
  await task.withLock(diskLock(cid), diskLockWaitMs, async () => {
    const disk = await task.store.instances.orphanedDisk(cid);
    if (disk === undefined) return task.debug(`disk ${cid} is not orphaned`);
    const { deployment, instance } = disk;
    const event = { action: 'delete', objectType: 'disk', objectName: cid, deployment, instance };
    const parentId = await task.record(event);
    try {
      for (const snapshot of await task.store.snapshots.ofOrphanedDisk(cid))
        await deleteSnapshot(cpis, task, { snapshot, diskCid: cid });
      await cpis.named(disk.cpi, task).deleteDisk(cid, task.signal);
    } catch (thrown) {
      if (!isCpiError(thrown, 'DiskNotFound')) {
        await task.record({ ...event, parentId, error: messageOf(thrown) });
        throw thrown;
      }
    }
    await task.store.instances.forgetOrphanedDisk(cid);
    await task.record({ ...event, parentId });
  });
}
