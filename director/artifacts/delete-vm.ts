import type { Cpi } from '../../cpi/cpi.ts';
import { OperatorError, messageOf } from '../../common/errors.ts';
import { id, type VmCid } from '../../common/ids.ts';
import { isCpiError, isUnsupported } from '../../cpi/errors.ts';
import type { Cpis } from '../execute/cpis.ts';
import type { OrphanedVm } from '../store/instances.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import type { DeleteVmArgs } from './args.ts';
import type { ArtifactDeps } from './deps.ts';

/** Of a VM that no record tells of, nobody knows the stemcell. As BOSH. */
const apiVersionOfUnknown = 2;

/**
 * `bosh delete-vm`: of an instance, of one that was given up (also by its agent's id, where nobody knows a cid: then it
 * says that somebody has deleted it), or one that no record tells of. Its instance stays, and gets another VM from the
 * next deploy or repair.
 */
export function deleteVm({ cpis, deleteInstanceVm }: ArtifactDeps): TaskHandler {
  return async (task) => {
    const { name } = task.task.args as DeleteVmArgs; // the API has checked it
    const stage = task.events.stage('Delete VM', 1);
    await stage.task(name, async () => {
      const orphan = (await task.store.instances.orphanedVms()).find(
        ({ cid, agentId }) => cid === name || agentId === name,
      );
      const vm = orphan === undefined ? await task.store.instances.vmByCid(id<VmCid>(name)) : undefined;
      if (orphan !== undefined) await deleteOrphan(cpis, task, orphan);
      else if (vm !== undefined) await deleteInstanceVm(vm, task);
      else if (!(await deleteUnknown(name, { cpis, task })))
        return task.events.warning(`VM ${name} does not exist. Deletion is skipped`);
      await stage.task(`VM ${name} is successfully deleted`, () => Promise.resolve());
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

/** @returns false: there is none of this name */
async function deleteUnknown(name: string, { cpis, task }: { cpis: Cpis; task: TaskContext }): Promise<boolean> {
  const event = { action: 'delete', objectType: 'vm', objectName: name };
  const parentId = await task.record(event);
  try {
    const cpi = await holderOf(name, { cpis, task });
    await cpi?.deleteVm(id<VmCid>(name), task.signal);
    await task.record({ ...event, parentId });
    return cpi !== undefined;
  } catch (thrown) {
    await task.record({ ...event, parentId, error: messageOf(thrown) });
    if (!isCpiError(thrown, 'VMNotFound')) throw thrown;
    return false;
  }
}

/** Among several each is asked; the only one will say it when it is to delete. Undefined: none has it. */
async function holderOf(name: string, { cpis, task }: { cpis: Cpis; task: TaskContext }): Promise<Cpi | undefined> {
  const all = cpis.names().map((each) => cpis.named(each, task, { apiVersion: apiVersionOfUnknown }));
  if (all.length === 1) return all[0];
  for (const cpi of all) if (await has(cpi, name, task)) return cpi;
  return undefined;
}

async function has(cpi: Cpi, name: string, { signal }: TaskContext): Promise<boolean> {
  try {
    return await cpi.hasVm(id<VmCid>(name), signal);
  } catch (thrown) {
    if (!isUnsupported(thrown)) throw thrown;
    throw new OperatorError(`there are several CPIs, and one of them cannot tell whether it has VM ${name}`, {
      code: 'vm-holder-unknown',
      hint: 'Delete it with the means of its infrastructure.',
      details: { name },
      cause: thrown,
    });
  }
}
