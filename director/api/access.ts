import { Router } from 'express';
import { OperatorError } from '../../common/errors.ts';
import { errandsOf } from '../errands/list-errands.ts';
import { activeVmOf } from '../observe/vms-of-instance.ts';
import { rubyInspect } from '../ruby-inspect.ts';
import type { Instance } from '../store/instances.ts';
import { RunErrandRequest, SshRequest, type ErrandList } from './contract/access.ts';
import { mediaTypes } from './contract/paths.ts';
import type { FetchLogsArgs, RunErrandArgs, SshArgs } from './deploy-args.ts';
import { deploymentLookup, findInstance } from './deployment-lookup.ts';
import type { ApiDeps } from './deps.ts';
import { enqueueFor } from './enqueue.ts';
import { redirectToTask } from './http/answers.ts';
import { readJson } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';
import { pathText, queryText } from './http/query.ts';

/** Routes under /deployments by which operators reach into instances: errands, logs, ssh. All work happens in tasks. */
export function accessRoutes({ store, tasks, permissions, configServer, director }: ApiDeps): Router {
  const find = deploymentLookup(store, permissions);
  const router = Router();

  router.get('/deployments/:deployment/errands', async (req, res) => {
    const deployment = await find(req, res, 'read');
    const names = await errandsOf(deployment, store, { configServer, settings: { directorName: director.name } });
    const list: ErrandList = names.map((name) => ({ name }));
    res.json(list);
  });

  router.post('/deployments/:deployment/errands/:errand/runs', consumes(mediaTypes.json), async (req, res) => {
    const deployment = await find(req, res);
    const errand = pathText(req, 'errand');
    const asked = await readJson(req, RunErrandRequest);
    const args: RunErrandArgs = {
      deployment: deployment.name,
      errand,
      keepAlive: asked['keep-alive'] ?? false,
      whenChanged: asked['when-changed'] ?? false,
      instances: asked.instances ?? [],
    };
    const description = `run errand ${errand} from deployment ${deployment.name}`;
    redirectToTask(res, await enqueueFor(res, tasks, { type: 'run_errand', description, args, deployment }));
  });

  router.get('/deployments/:deployment/jobs/:group/:instance/logs', async (req, res) => {
    const deployment = await find(req, res);
    const instances = await matching(deployment.name, pathText(req, 'group'), pathText(req, 'instance'));
    const withVm = instances.filter((instance) => activeVmOf(instance) !== undefined);
    if (withVm.length === 0) throw noneWithVm(deployment.name);
    const args: FetchLogsArgs = {
      deployment: deployment.name,
      instanceIds: withVm.map(({ id }) => id),
      type: (queryText(req, 'type') ?? '').trim() || 'job',
      filters: (queryText(req, 'filters') ?? '').split(/[\s,]+/).filter((filter) => filter !== ''),
    };
    redirectToTask(
      res,
      await enqueueFor(res, tasks, { type: 'fetch_logs', description: 'fetch logs', args, deployment }),
    );
  });

  router.post('/deployments/:deployment/ssh', consumes(mediaTypes.json), async (req, res) => {
    const deployment = await find(req, res);
    const { target, command, params } = await readJson(req, SshRequest);
    const args: SshArgs = {
      deployment: deployment.name,
      target: { job: target.job ?? null, ids: target.ids ?? [], indexes: target.indexes ?? [] },
      command,
      params,
    };
    const description = `ssh: ${command}:${rubyInspect(target)}`;
    redirectToTask(res, await enqueueFor(res, tasks, { type: 'ssh', description, args, lane: 'urgent', deployment }));
  });

  return router;

  /** `*`: any group, any instance. @throws OperatorError `instance-not-found` | `instance-invalid-index` */
  async function matching(deployment: string, group: string, indexOrId: string): Promise<Instance[]> {
    if (group !== '*' && indexOrId !== '*') return [await findInstance(store, { deployment, group, indexOrId })];
    const all = await store.instances.ofDeployment(deployment);
    const found = all.filter(
      (instance) =>
        (group === '*' || instance.group === group) &&
        (indexOrId === '*' || instance.id === indexOrId || String(instance.index) === indexOrId),
    );
    if (found.length > 0) return found;
    const filter = { ...(indexOrId === '*' ? {} : { uuid: indexOrId }), ...(group === '*' ? {} : { job: group }) };
    throw new OperatorError(`No instances matched ${rubyInspect(filter)}`, { code: 'instance-not-found' });
  }
}

function noneWithVm(deployment: string): OperatorError {
  return new OperatorError(`No appropriate instance with a VM was found in deployment '${deployment}'`, {
    code: 'instances-without-vm',
    hint: `\`bosh -d ${deployment} vms\` lists those that have one.`,
  });
}
