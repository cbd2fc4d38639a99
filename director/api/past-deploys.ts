import { Router, type Request } from 'express';
import { OperatorError } from '../../common/errors.ts';
import type { TaskId } from '../../common/ids.ts';
import type { Deployment, PastDeploy } from '../store/deployments.ts';
import type { PastDeploySummary } from './contract/deployments.ts';
import type { UpdateDeploymentArgs } from './deploy-args.ts';
import { deployOptionsOf } from './deploy-options.ts';
import { deploymentLookup } from './deployment-lookup.ts';
import type { ApiDeps } from './deps.ts';
import { enqueueFor } from './enqueue.ts';
import { redirectToTask } from './http/answers.ts';
import { queryText } from './http/query.ts';
import { scopesOf } from './http/request.ts';

/** What a deployment was, and going back to it: Gantry's own. */
export function pastDeployRoutes({ store, tasks, permissions }: ApiDeps): Router {
  const find = deploymentLookup(store, permissions);
  const router = Router();

  router.get('/deployments/:deployment/past_deploys', async (req, res) => {
    const { name } = await find(req, res, 'read');
    const past = await store.deployments.pastDeploys(name);
    res.json(
      past.map(({ taskId: task, atMs, user, ...deploy }): PastDeploySummary => ({
        task,
        deployed_at: Math.floor(atMs / 1000),
        user,
        releases: { ...deploy.versions.releases },
        stemcells: { ...deploy.versions.stemcells },
        cloud_config_ids: deploy.cloudConfigIds,
        runtime_config_ids: deploy.runtimeConfigIds,
      })),
    );
  });

  // One deploy like any other: of the manifest, the configs and the versions of then.
  router.post('/deployments/:deployment/rollback', async (req, res) => {
    const deployment = await find(req, res);
    const target = await targetOf(req, deployment);
    const manifestText = await store.deployments.pastManifest(deployment.name, target.taskId);
    if (manifestText === undefined) throw noSuchDeploy(deployment.name, target.taskId); // another deploy took its place
    const args: UpdateDeploymentArgs = {
      deployment: deployment.name,
      manifestText,
      options: deployOptionsOf(req, scopesOf(res)),
      cloudConfigIds: target.cloudConfigIds,
      runtimeConfigIds: target.runtimeConfigIds,
      versions: target.versions,
      new: false,
      stateChanges: [],
    };
    const what = `roll back to the deploy of task ${target.taskId}`;
    const description = args.options.dryRun ? `${what} (dry run)` : what;
    redirectToTask(res, await enqueueFor(res, tasks, { type: 'update_deployment', description, args, deployment }));
  });

  return router;

  async function targetOf(req: Request, { name }: Deployment): Promise<PastDeploy> {
    const past = await store.deployments.pastDeploys(name);
    const wanted = queryText(req, 'task');
    if (wanted === undefined) return beforeTheLast(name, past);
    const target = past.find((deploy) => String(deploy.taskId) === wanted);
    if (target === undefined) throw noSuchDeploy(name, wanted);
    return target;
  }

  /** After a deploy that failed this is the newest: what the deployment is in part no more. */
  async function beforeTheLast(name: string, past: readonly PastDeploy[]): Promise<PastDeploy> {
    const [newest, before] = past;
    const isWhole = newest === undefined || !(await brokeOffSince(name, newest.taskId));
    const target = isWhole ? before : newest;
    if (target !== undefined) return target;
    throw new OperatorError(`Deployment '${name}' has no former deploy to go back to`, {
      code: 'past-deploy-not-found',
      hint:
        newest === undefined ? 'It was never deployed with success.' : `Its only one is that of task ${newest.taskId}.`,
    });
  }

  async function brokeOffSince(deployment: string, since: TaskId): Promise<boolean> {
    const [last] = (await store.tasks.list({ types: ['update_deployment'], deployment, limit: 20 })).filter(
      ({ args, state }) => !(args as UpdateDeploymentArgs).options.dryRun && state !== 'queued', // the API made them
    );
    return last !== undefined && last.id > since && last.state !== 'done';
  }
}

function noSuchDeploy(deployment: string, task: TaskId | string): OperatorError {
  return new OperatorError(`Task ${task} is none of the deploys of '${deployment}' that can be gone back to`, {
    code: 'past-deploy-not-found',
    hint: `\`gantry history ${deployment}\` lists them: the last ten that succeeded, and differ.`,
  });
}
