import { id, type SnapshotCid } from '../../common/ids.ts';
import { deleteSnapshot } from '../execute/effects/snapshots.ts';
import type { ExecuteDeps } from '../execute/work.ts';
import type { TaskHandler } from '../tasks/task-context.ts';
import type { DeleteSnapshotsArgs, DeploymentSnapshotsArgs } from './args.ts';

/** `bosh delete-snapshot`. Of what is not there any more, nothing is left to do. */
export function deleteSnapshots({ cpis }: ExecuteDeps): TaskHandler {
  return async (task) => {
    const { cids } = task.task.args as DeleteSnapshotsArgs; // the API has checked it
    for (const cid of cids) {
      task.checkpoint();
      const snapshot = await task.store.snapshots.byCid(id<SnapshotCid>(cid));
      if (snapshot !== undefined) await deleteSnapshot(cpis, task, { snapshot, diskCid: snapshot.diskCid });
    }
    return `snapshot(s) ${cids.join(', ')} deleted`;
  };
}

/** `bosh delete-snapshots`. */
export function deleteDeploymentSnapshots({ cpis }: ExecuteDeps): TaskHandler {
  return async (task) => {
    const { deployment } = task.task.args as DeploymentSnapshotsArgs; // the API has checked it
    for (const snapshot of await task.store.snapshots.ofDeployment(deployment)) {
      task.checkpoint();
      await deleteSnapshot(cpis, task, { snapshot, diskCid: snapshot.diskCid });
    }
    return `snapshots of deployment '${deployment}' deleted`;
  };
}
