import { Router } from 'express';
import { OperatorError } from '../../common/errors.ts';
import { activeVmOf, addressesOf, expectsVm } from '../observe/vms-of-instance.ts';
import type { Instance, Vm } from '../store/instances.ts';
import { IgnoreRequest, type InstanceDetails, type InstanceSummary, type VmSummary } from './contract/deployments.ts';
import { mediaTypes, type InstanceAction } from './contract/paths.ts';
import type { ListInstancesArgs, StateChange, UpdateDeploymentArgs, UpdateInstanceArgs } from './deploy-args.ts';
import { stateOptionsOf } from './deploy-options.ts';
import { deploymentLookup, findInstance } from './deployment-lookup.ts';
import type { ApiDeps } from './deps.ts';
import { enqueueFor } from './enqueue.ts';
import { redirectToTask } from './http/answers.ts';
import { readJson, readText } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';
import { pathText, queryFlag, queryText } from './http/query.ts';
import { scopesOf } from './http/request.ts';
import { isoSeconds } from './ruby-time.ts';

const states: readonly StateChange['state'][] = ['started', 'stopped', 'detached', 'restart', 'recreate'];

/** Routes under /deployments that are about its instances and VMs. */
export function instanceRoutes(deps: ApiDeps): Router {
  const { store, tasks, permissions, log } = deps;
  const find = deploymentLookup(store, permissions);
  const router = Router();

  for (const of of ['vms', 'instances'] as const) {
    router.get(`/deployments/:deployment/${of}`, async (req, res) => {
      const deployment = await find(req, res, 'read');
      if (queryText(req, 'format') === 'full') {
        const args: ListInstancesArgs = { deployment: deployment.name, of };
        const wanted = { type: 'vms', description: 'retrieve vm-stats', args, lane: 'urgent', deployment } as const;
        redirectToTask(res, await enqueueFor(res, tasks, wanted));
        return;
      }
      const instances = await store.instances.ofDeployment(deployment.name);
      res.json(of === 'vms' ? instances.flatMap(vmSummaries) : instances.map(instanceSummary));
    });
  }

  router.get('/deployments/:deployment/jobs/:group/:instance', async (req, res) => {
    const deployment = await find(req, res);
    const instance = await findInstance(store, {
      deployment: deployment.name,
      group: pathText(req, 'group'),
      indexOrId: pathText(req, 'instance'),
    });
    const details: InstanceDetails = {
      deployment: deployment.name,
      job: instance.group,
      index: instance.index,
      id: instance.id,
      state: instance.state,
      disks: instance.disks.flatMap((disk) => disk.cid ?? []),
    };
    res.json(details);
  });

  // `bosh start|stop|restart|recreate` with --converge: the stored manifest with the configs of its last deploy.
  for (const path of ['/deployments/:deployment/jobs/:group', '/deployments/:deployment/jobs/:group/:instance']) {
    router.put(path, consumes(mediaTypes.yaml), async (req, res) => {
      const deployment = await find(req, res);
      const group = pathText(req, 'group');
      const state = stateOf(queryText(req, 'state'));
      const one = path.endsWith(':instance')
        ? await findInstance(store, { deployment: deployment.name, group, indexOrId: pathText(req, 'instance') })
        : null;
      if ((await readText(req)).trim() !== '') throw manifestWithState();
      if (deployment.manifest === null) throw neverDeployed(deployment.name);
      const options = stateOptionsOf(req, group, scopesOf(res));
      const [newest] = await store.deployments.pastDeploys(deployment.name);
      const args: UpdateDeploymentArgs = {
        deployment: deployment.name,
        manifestText: deployment.manifest,
        options,
        cloudConfigIds: deployment.cloudConfigIds,
        runtimeConfigIds: deployment.runtimeConfigIds,
        new: false,
        stateChanges: [{ group, index: one?.index ?? null, state }],
        ...(newest === undefined ? {} : { versions: newest.versions }),
      };
      const description = options.dryRun ? 'create deployment (dry run)' : 'create deployment';
      redirectToTask(res, await enqueueFor(res, tasks, { type: 'update_deployment', description, args, deployment }));
    });
  }

  for (const action of ['start', 'stop', 'restart', 'recreate'] as const) {
    router.post(`/deployments/:deployment/instance_groups/:group/:instance/actions/${action}`, async (req, res) => {
      const deployment = await find(req, res);
      const instance = await findInstance(store, {
        deployment: deployment.name,
        group: pathText(req, 'group'),
        indexOrId: pathText(req, 'instance'),
      });
      const args: UpdateInstanceArgs = {
        deployment: deployment.name,
        instanceId: instance.id,
        ...actionArgs(action, queryFlag(req, 'hard')),
        skipDrain: queryFlag(req, 'skip_drain'),
        ignoreUnresponsiveAgent: action === 'recreate' && queryFlag(req, 'ignore_unresponsive_agent'),
      };
      const wanted = { type: 'update_instance', description: `${action} instance`, args, deployment };
      redirectToTask(res, await enqueueFor(res, tasks, wanted));
    });
  }

  router.put(
    '/deployments/:deployment/instance_groups/:group/:instance/ignore',
    consumes(mediaTypes.json),
    async (req, res) => {
      const deployment = await find(req, res);
      const { ignore } = await readJson(req, IgnoreRequest);
      const instance = await findInstance(store, {
        deployment: deployment.name,
        group: pathText(req, 'group'),
        indexOrId: pathText(req, 'instance'),
      });
      await store.instances.update(instance.id, { ignore });
      log.info('instance-ignored', { instance: instance.id, ignore });
      res.status(200).end();
    },
  );

  return router;
}

function stateOf(text: string | undefined): StateChange['state'] {
  const state = states.find((known) => known === text);
  if (state !== undefined) return state;
  throw new OperatorError(`state must be one of ${states.join(', ')}, not "${text ?? ''}"`, {
    code: 'field-invalid-value',
  });
}

function actionArgs(action: InstanceAction, hard: boolean): Pick<UpdateInstanceArgs, 'action' | 'hard'> {
  if (action === 'recreate') return { action: 'restart', hard: true };
  return { action, hard: action === 'stop' && hard };
}

function neverDeployed(name: string): OperatorError {
  return new OperatorError(`Deployment '${name}' was never deployed successfully: there is no manifest to start from`, {
    code: 'manifest-invalid',
    hint: 'Run deploy first.',
  });
}

function manifestWithState(): OperatorError {
  return new OperatorError('A change of state with a new manifest is not built yet', {
    code: 'not-built-yet',
    hint: 'Deploy the manifest first, then change the state.',
  });
}

function instanceSummary(instance: Instance): InstanceSummary {
  return { ...common(instance, activeVmOf(instance)), expects_vm: expectsVm(instance) };
}

function vmSummaries(instance: Instance): VmSummary[] {
  return instance.vms.map((vm) => ({
    ...common(instance, vm),
    active: vm.active,
    permanent_nats_credentials: vm.permanentCredentials,
  }));
}

function common(instance: Instance, vm: Vm | undefined) {
  return {
    agent_id: vm?.agentId ?? null,
    cid: vm?.cid ?? null,
    job: instance.group,
    index: instance.index,
    id: instance.id,
    az: instance.az,
    ips: vm === undefined ? [] : addressesOf(vm),
    vm_created_at: vm === undefined ? null : isoSeconds(vm.createdAtMs),
  };
}
