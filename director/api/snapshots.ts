import { Router } from 'express';
import { OperatorError } from '../../common/errors.ts';
import { id, type SnapshotCid } from '../../common/ids.ts';
import type { CreateSnapshotArgs, DeleteSnapshotsArgs, DeploymentSnapshotsArgs } from '../snapshots/args.ts';
import type { SnapshotOfInstance } from '../store/snapshots.ts';
import type { Snapshot as WireSnapshot } from './contract/operations.ts';
import { deploymentLookup, findInstance } from './deployment-lookup.ts';
import type { ApiDeps } from './deps.ts';
import { enqueueFor } from './enqueue.ts';
import { redirectToTask } from './http/answers.ts';
import { pathText } from './http/query.ts';
import { rubyTime } from './ruby-time.ts';

/** Snapshots of the persistent disks of a deployment. */
export function snapshotRoutes({ store, tasks, permissions }: ApiDeps): Router {
  const find = deploymentLookup(store, permissions);
  const router = Router();
  const ofDeployment = '/deployments/:deployment/snapshots';
  const ofInstance = '/deployments/:deployment/jobs/:group/:instance/snapshots';

  router.get(ofDeployment, async (req, res) => {
    const deployment = await find(req, res);
    res.json((await store.snapshots.ofDeployment(deployment.name)).flatMap(toWire));
  });

  router.post(ofDeployment, async (req, res) => {
    const deployment = await find(req, res);
    const args: DeploymentSnapshotsArgs = { deployment: deployment.name };
    const wanted = { type: 'snapshot_deployment', description: 'snapshot deployment', args, deployment };
    redirectToTask(res, await enqueueFor(res, tasks, wanted));
  });

  router.delete(ofDeployment, async (req, res) => {
    const deployment = await find(req, res);
    const args: DeploymentSnapshotsArgs = { deployment: deployment.name };
    const description = 'delete deployment snapshots';
    const wanted = { type: 'delete_deployment_snapshots', description, args, deployment };
    redirectToTask(res, await enqueueFor(res, tasks, wanted));
  });

  router.delete(`${ofDeployment}/:cid`, async (req, res) => {
    const deployment = await find(req, res);
    const cid = pathText(req, 'cid');
    const snapshot = await store.snapshots.byCid(id<SnapshotCid>(cid));
    if (snapshot?.deployment !== deployment.name) throw snapshotNotFound(cid, deployment.name);
    const args: DeleteSnapshotsArgs = { cids: [cid] };
    redirectToTask(
      res,
      await enqueueFor(res, tasks, { type: 'delete_snapshot', description: 'delete snapshot', args, deployment }),
    );
  });

  // As BOSH: of an instance that is not there, there are none.
  router.get(ofInstance, async (req, res) => {
    const deployment = await find(req, res);
    const [group, indexOrId] = [pathText(req, 'group'), pathText(req, 'instance')];
    const all = await store.snapshots.ofDeployment(deployment.name);
    const own = all.filter(
      (each) => each.group === group && (each.instanceId === indexOrId || String(each.index) === indexOrId),
    );
    res.json(own.flatMap(toWire));
  });

  router.post(ofInstance, async (req, res) => {
    const deployment = await find(req, res);
    const at = { group: pathText(req, 'group'), indexOrId: pathText(req, 'instance') };
    const instance = await findInstance(store, { deployment: deployment.name, ...at });
    const args: CreateSnapshotArgs = { deployment: deployment.name, instanceId: instance.id };
    redirectToTask(
      res,
      await enqueueFor(res, tasks, { type: 'create_snapshot', description: 'create snapshot', args, deployment }),
    );
  });

  return router;
}

/** One of which the CPI has not said the cid yet is none that anybody could name. */
function toWire({ cid, group, index, instanceId, createdAtMs, clean }: SnapshotOfInstance): WireSnapshot[] {
  if (cid === null) return [];
  return [{ job: group, index, uuid: instanceId, snapshot_cid: cid, created_at: rubyTime(createdAtMs), clean }];
}

function snapshotNotFound(cid: string, deployment: string): OperatorError {
  return new OperatorError(`snapshot ${cid} not found in deployment ${deployment}`, {
    code: 'snapshot-not-found',
    hint: `\`bosh -d ${deployment} snapshots\` lists what there is.`,
    details: { cid, deployment },
  });
}
