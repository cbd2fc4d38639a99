import type { Cpis } from '../execute/cpis.ts';
import { isCpiError } from '../../cpi/errors.ts';
import type { OrphanedVm } from '../store/instances.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import type { DeleteOrphanedVmArgs } from './args.ts';
import type { ArtifactDeps } from './deps.ts';

/** `bosh delete-vm` of one that was given up. Nobody can delete one without a cid: then it says that somebody did. */
export function deleteOrphanedVm({ cpis }: ArtifactDeps): TaskHandler {
  return async (task) => {
    const { agentId } = task.task.args as DeleteOrphanedVmArgs; // the API has checked it
    const vm = (await task.store.instances.orphanedVms()).find((one) => one.agentId === agentId);
    const name = vm?.cid ?? agentId;
    const stage = task.events.stage('Delete VM', 1);
    await stage.task(name, async () => {
      if (vm !== undefined) await deleteOrphan(cpis, task, vm); // undefined: an earlier run has deleted it
    });
    return `vm ${name} deleted`;
  };
}

/** The infrastructure first: its addresses are free only when it is gone. */
export async function deleteOrphan(cpis: Cpis, task: TaskContext, vm: OrphanedVm): Promise<void> {
  const { agentId, cid, cpi, apiVersion, deployment, instance } = vm;
  if (cid !== null) {
    try {
      await cpis.named(cpi, task, { apiVersion }).deleteVm(cid, task.signal);
    } catch (thrown) {
      if (!isCpiError(thrown, 'VMNotFound')) throw thrown;
    }
  }
  await task.store.instances.forgetOrphanedVm(agentId);
  await task.record({ action: 'delete', objectType: 'vm', objectName: cid ?? agentId, deployment, instance });
}
