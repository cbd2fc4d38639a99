import type { ExecuteDeps } from '../execute/work.ts';
import type { TaskHandler } from '../tasks/task-context.ts';
import { deleteDeploymentSnapshots, deleteSnapshots } from './delete-snapshots.ts';
import { createSnapshot, snapshotDeployment } from './take-snapshots.ts';

/** By the type of the task. */
export function snapshotTaskHandlers(deps: ExecuteDeps): Record<string, TaskHandler> {
  return {
    create_snapshot: createSnapshot(deps),
    snapshot_deployment: snapshotDeployment(deps),
    delete_snapshot: deleteSnapshots(deps),
    delete_deployment_snapshots: deleteDeploymentSnapshots(deps),
  };
}
