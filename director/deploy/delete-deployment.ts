import { messageOf } from '../../common/errors.ts';
import { PlanRunner } from '../execute/run-plan.ts';
import { observe, refuseSilent } from '../observe/observe.ts';
import { instanceLabel } from '../plan/actual.ts';
import { planUndeployment } from '../plan/plan-deployment.ts';
import type { TaskHandler } from '../tasks/task-context.ts';
import type { DeleteDeploymentArgs } from '../api/deploy-args.ts';
import { deploymentLockWaitMs, type DeployDeps } from './deploy-deps.ts';
import { deploymentHasIgnored } from './instance-errors.ts';
import { bareWork } from '../execute/work.ts';
import { worksById } from './instance-works.ts';
import { variablesOfHalfMade } from './variables/half-made.ts';

/**
 * Deletes every instance, then the deployment. `force` goes on past agents that do not answer, scripts that fail and
 * an infrastructure that refuses: what may be left there is told by name, in warnings and events, and forgotten.
 */
export function deleteDeployment(deps: DeployDeps): TaskHandler {
  return (task) => {
    const name = task.task.deployment;
    if (name === null) throw new Error('a delete_deployment task names no deployment');
    const { force } = task.task.args as DeleteDeploymentArgs; // the API has checked it
    return task.withLock(`lock:deployment:${name}`, deploymentLockWaitMs, async () => {
      const { store, signal, events } = task;
      const result = `/deployments/${name}`;
      if ((await store.deployments.get(name)) === undefined) return result; // an earlier run has deleted it
      const event = { action: 'delete', objectType: 'deployment', objectName: name, deployment: name };
      const parentId = await task.record(event);
      try {
        const actual = await observe(name, {
          store,
          signal,
          agents: deps.agents,
          clock: deps.clock,
          warn: (warning) => events.warning(warning),
        });
        const ignored = actual.instances.filter(({ instance }) => instance.ignore);
        if (ignored.length > 0)
          throw deploymentHasIgnored(
            name,
            ignored.map(({ instance }) => instanceLabel(instance)),
          );
        if (!force) refuseSilent(actual.instances, name);
        const compiling = (await store.instances.ofDeployment(name, { compilation: true })).filter(
          ({ compilation }) => compilation,
        );
        const all = [
          ...actual.instances,
          ...compiling.map((instance) => ({ instance, agent: { kind: 'none' } as const })),
        ];
        const variables = await variablesOfHalfMade(
          name,
          all.map(({ instance }) => instance),
          { deps, task, force },
        );
        const works = new Map(
          all.map(({ instance }) => [instance.id as string, { ...bareWork(instance), variables, forced: force }]),
        );
        const runner = new PlanRunner(deps, task, worksById(works));
        const plans = planUndeployment(all, { skipDrain: [] });
        await runner.delete(plans, 'Deleting instances');
        const artifacts = events.stage('Removing deployment artifacts', 2);
        await artifacts.task('Detaching stemcells', () => Promise.resolve());
        await artifacts.task('Detaching releases', () => Promise.resolve());
        await events.stage('Destroying deployment', 1).task('Destroying deployment', () =>
          store.atomically(async (inside) => {
            await inside.dns.setAliases(name, []);
            await inside.deployments.delete(name);
          }),
        );
        await deps.dns.tellAll();
        await task.record({ ...event, parentId });
        return result;
      } catch (thrown) {
        await task.record({ ...event, parentId, error: messageOf(thrown) });
        throw thrown;
      }
    });
  };
}
