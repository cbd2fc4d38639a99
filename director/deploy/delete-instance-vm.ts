import type { DeleteInstanceVm } from '../artifacts/deps.ts';
import { deleteVm } from '../execute/effects/vm.ts';
import { bareWork } from '../execute/work.ts';
import { deploymentLockWaitMs, type DeployDeps } from './deploy-deps.ts';

/** Deletes a VM that an instance has. Nobody else may be at work on the instance: BOSH does not look. */
export function deleteInstanceVm(deps: DeployDeps): DeleteInstanceVm {
  return async ({ agentId, instanceId }, task) => {
    const { instances } = task.store;
    const deployment = (await instances.get(instanceId))?.deployment;
    if (deployment === undefined) return; // it went, and its VMs before it
    await task.withLock(`lock:deployment:${deployment}`, deploymentLockWaitMs, async () => {
      const instance = await instances.get(instanceId);
      if (instance !== undefined) await deleteVm({ ...deps, task, work: bareWork(instance) }, agentId);
    });
  };
}
