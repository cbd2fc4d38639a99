import { Router, type Request } from 'express';
import Value from 'typebox/value';
import { OperatorError } from '../../common/errors.ts';
import { id, type DeploymentName } from '../../common/ids.ts';
import { adminTeams } from '../auth/permissions.ts';
import type { Config } from '../store/configs.ts';
import type { Deployment } from '../store/deployments.ts';
import { readMap } from './config-content.ts';
import { ConfigContext, type DeploymentSummary } from './contract/deployments.ts';
import { mediaTypes } from './contract/paths.ts';
import type { DeleteDeploymentArgs, UpdateDeploymentArgs } from './deploy-args.ts';
import { deployOptionsOf } from './deploy-options.ts';
import { deploymentLookup } from './deployment-lookup.ts';
import type { ApiDeps } from './deps.ts';
import { enqueueFor } from './enqueue.ts';
import { redirectToTask } from './http/answers.ts';
import { parseJson, readText } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';
import { queryFlag, queryText } from './http/query.ts';
import { scopesOf } from './http/request.ts';

/** Routes under /deployments that are about a deployment as a whole. All work happens in tasks. */
export function deploymentRoutes(deps: ApiDeps): Router {
  const { store, tasks, permissions, requires, clock } = deps;
  const find = deploymentLookup(store, permissions);
  const router = Router();

  router.get('/deployments', requires('list_deployments'), async (req, res) => {
    const all = await store.deployments.list();
    const visible = all.filter((deployment) => permissions.allowsOn(deployment, 'read', scopesOf(res)));
    const configs = queryFlag(req, 'exclude_configs') ? null : await store.configs.currentOf('cloud', 'all');
    const locks = queryFlag(req, 'exclude_lock') ? null : await lockNames();
    res.json(
      visible.map((deployment): DeploymentSummary => ({
        name: deployment.name,
        teams: deployment.teams,
        ...(configs === null ? {} : { cloud_config: cloudConfigState(deployment, configs) }),
        ...(queryFlag(req, 'exclude_stemcells') ? {} : { stemcells: deployment.stemcells }),
        ...(queryFlag(req, 'exclude_releases') ? {} : { releases: deployment.releases }),
        ...(locks === null ? {} : { locked: locks.has(`lock:deployment:${deployment.name}`) }),
      })),
    );
  });

  const lockNames = async () => new Set((await store.locks.list(clock.now())).map((lock) => lock.name));

  // Deploy: 302 to the task, the one redirect that the bosh CLI follows (facts/bosh/director-api.md 1.2).
  router.post('/deployments', consumes(mediaTypes.yaml), requires('create_deployment'), async (req, res) => {
    const manifestText = await readText(req);
    const name = nameIn(manifestText);
    const scopes = scopesOf(res);
    const options = deployOptionsOf(req, scopes);
    const existing = await store.deployments.get(name);
    if (existing !== undefined) permissions.requireOn(existing, 'admin', scopes);
    const teams = existing?.teams ?? adminTeams(scopes);
    const configs = await configsFor(req, teams);

    // The row is there before the task runs, so a first deploy that fails leaves a deployment to delete.
    const deployment = existing ?? (await store.deployments.create(name, teams, clock.now()));
    const args: UpdateDeploymentArgs = {
      deployment: name,
      manifestText,
      options,
      ...configs,
      new: existing === undefined,
      stateChanges: [],
    };
    const description = options.dryRun ? 'create deployment (dry run)' : 'create deployment';
    redirectToTask(res, await enqueueFor(res, tasks, { type: 'update_deployment', description, args, deployment }));
  });

  router.get('/deployments/:deployment', async (req, res) => {
    const { manifest } = await find(req, res, 'read');
    res.json({ manifest });
  });

  router.delete('/deployments/:deployment', async (req, res) => {
    const deployment = await find(req, res);
    const args: DeleteDeploymentArgs = {
      deployment: deployment.name,
      force: queryFlag(req, 'force'),
      keepSnapshots: queryFlag(req, 'keep_snapshots'),
    };
    const description = `delete deployment ${deployment.name}`;
    redirectToTask(res, await enqueueFor(res, tasks, { type: 'delete_deployment', description, args, deployment }));
  });

  return router;

  /** Those that a diff named (what was shown is what is deployed), or else the current ones of these teams. */
  async function configsFor(
    req: Request,
    teams: readonly string[],
  ): Promise<Pick<UpdateDeploymentArgs, 'cloudConfigIds' | 'runtimeConfigIds'>> {
    const context = queryText(req, 'context');
    if (context === undefined) {
      const [cloud, runtime] = [
        await store.configs.currentOf('cloud', teams),
        await store.configs.currentOf('runtime', teams),
      ];
      return { cloudConfigIds: cloud.map((config) => config.id), runtimeConfigIds: runtime.map((config) => config.id) };
    }
    const ids = parseJson(context);
    if (!Value.Check(ConfigContext, ids)) throw invalidReference();
    const { cloud_config_ids, runtime_config_ids } = ids;
    return {
      cloudConfigIds: await checkIds(cloud_config_ids ?? [], teams),
      runtimeConfigIds: await checkIds(runtime_config_ids ?? [], teams),
    };
  }

  async function checkIds(ids: readonly number[], teams: readonly string[]): Promise<readonly number[]> {
    const found = await store.configs.getAll(ids);
    const usable = found.filter(({ team }) => team === null || teams.includes(team));
    if (usable.length !== ids.length) throw invalidReference();
    return ids;
  }
}

function invalidReference(): OperatorError {
  return new OperatorError('Context includes invalid config ID', {
    code: 'deployment-invalid-config-reference',
    hint: 'A config was deleted since the difference was shown. Deploy again.',
  });
}

/** @throws OperatorError `manifest-invalid` | `field-missing` */
function nameIn(manifestText: string): DeploymentName {
  const { name } = readMap(manifestText, 'manifest');
  if (typeof name === 'string' && name !== '') return id<DeploymentName>(name);
  if (typeof name === 'number' || typeof name === 'bigint') return id<DeploymentName>(String(name));
  throw new OperatorError("Deployment manifest must have a 'name' key", { code: 'field-missing' });
}

/** `latest`: it was deployed with exactly the configs that a deploy would use now. */
function cloudConfigState(deployment: Deployment, current: readonly Config[]): 'none' | 'latest' | 'outdated' {
  if (deployment.cloudConfigIds.length === 0) return 'none';
  const wanted = current.filter(({ team }) => team === null || deployment.teams.includes(team)).map(({ id }) => id);
  const sorted = (ids: readonly number[]) => ids.toSorted((a, b) => a - b).join();
  return sorted(wanted) === sorted(deployment.cloudConfigIds) ? 'latest' : 'outdated';
}
