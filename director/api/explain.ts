import { Router } from 'express';
import { explain } from '../explain/explain.ts';
import type { InstanceFacts } from '../explain/facts.ts';
import { expectsVm } from '../observe/vms-of-instance.ts';
import { activeVm } from '../plan/actual.ts';
import { problemDescriber } from '../problems/describe.ts';
import type { Instance } from '../store/instances.ts';
import type { Store } from '../store/store.ts';
import { deploymentLookup, findInstance } from './deployment-lookup.ts';
import type { ApiDeps } from './deps.ts';
import { pathText } from './http/query.ts';

/** Why an instance is as it is: Gantry's own. */
export function explainRoutes({ store, permissions, clock, watch }: ApiDeps): Router {
  const find = deploymentLookup(store, permissions);
  const router = Router();
  router.get('/deployments/:deployment/instance_groups/:group/:instance/explanation', async (req, res) => {
    const { name } = await find(req, res, 'read');
    const at = { deployment: name, group: pathText(req, 'group'), indexOrId: pathText(req, 'instance') };
    const instance = await findInstance(store, at);
    const vm = activeVm(instance);
    res.json(
      explain({
        nowMs: clock.now(),
        instance,
        expectsVm: expectsVm(instance),
        atWork: await atWork(store, name, clock.now()),
        broke: await lastThatBroke(store, name),
        problems: await problemsOf(store, instance),
        heartbeat: vm === null ? null : watch.heartbeat(vm.agentId),
        watch: await watch.of(instance),
      }),
    );
  });
  return router;
}

async function atWork(store: Store, deployment: string, nowMs: number): Promise<InstanceFacts['atWork']> {
  const lock = (await store.locks.list(nowMs)).find(({ name }) => name === `lock:deployment:${deployment}`);
  return lock === undefined ? null : ((await store.tasks.get(lock.taskId)) ?? null);
}

const changing = ['update_deployment', 'update_instance', 'cck_apply', 'cck_scan_and_fix'];

async function lastThatBroke(store: Store, deployment: string): Promise<InstanceFacts['broke']> {
  const tasks = await store.tasks.list({ deployment, types: changing, limit: 10 });
  const last = tasks.find(
    ({ finishedAtMs, description }) => finishedAtMs !== null && !description.endsWith('(dry run)'),
  );
  return last === undefined || last.state === 'done' ? null : last;
}

async function problemsOf(store: Store, { id, deployment }: Instance): Promise<string[]> {
  const open = await store.problems.open(deployment);
  if (open.length === 0) return [];
  const describe = problemDescriber(await store.instances.ofDeployment(deployment));
  return open
    .map(describe)
    .filter((problem) => problem.instance?.id === id)
    .map(({ description }) => description);
}
