import { AgentTimedOut } from '../bus/agent-errors.ts';
import type { ExecuteDeps } from '../execute/work.ts';
import { inParallel } from '../execute/in-parallel.ts';
import { activeVm, instanceLabel } from '../plan/actual.ts';
import type { Instance } from '../store/instances.ts';
import type { TaskContext } from '../tasks/task-context.ts';

/** Where machines were repaired, others may be dead still: of those nothing is expected. As BOSH. */
const afterRepairMs = 10_000;

/**
 * post-deploy scripts, on every instance that has a machine, once all are updated.
 * @param afterRepair who does not answer in time is let go
 */
export async function runPostDeploy(
  instances: readonly Instance[],
  { agents, settings }: ExecuteDeps,
  { signal }: TaskContext,
  { afterRepair = false }: { afterRepair?: boolean } = {},
): Promise<void> {
  const running = instances.filter(
    (instance) => instance.state === 'started' && !instance.ignore && activeVm(instance) !== null,
  );
  await inParallel(running, settings.vmsAtOnceMax, async (instance) => {
    const vm = activeVm(instance);
    if (vm === null) return;
    const call = { label: instanceLabel(instance), signal, ...(afterRepair ? { timeoutMs: afterRepairMs } : {}) };
    try {
      await agents.call(vm.agentId, 'run_script', ['post-deploy', {}], call);
    } catch (thrown) {
      if (!(afterRepair && thrown instanceof AgentTimedOut)) throw thrown;
    }
  });
}
