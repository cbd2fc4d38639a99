import type { ExecuteDeps } from '../execute/work.ts';
import { inParallel } from '../execute/in-parallel.ts';
import { activeVm, instanceLabel } from '../plan/actual.ts';
import type { Instance } from '../store/instances.ts';
import type { TaskContext } from '../tasks/task-context.ts';

/** post-deploy scripts, on every instance that has a machine, once all are updated. */
export async function runPostDeploy(
  instances: readonly Instance[],
  { agents, settings }: ExecuteDeps,
  { signal }: TaskContext,
): Promise<void> {
  const running = instances.filter(
    (instance) => instance.state === 'started' && !instance.ignore && activeVm(instance) !== null,
  );
  await inParallel(running, settings.vmsAtOnceMax, async (instance) => {
    const vm = activeVm(instance);
    if (vm !== null)
      await agents.call(vm.agentId, 'run_script', ['post-deploy', {}], { label: instanceLabel(instance), signal });
  });
}
