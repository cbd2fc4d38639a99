import { Router, type Response } from 'express';
import { OperatorError } from '../../common/errors.ts';
import { diffDocuments } from '../../manifests/diff.ts';
import { adminTeams } from '../auth/permissions.ts';
import type { Config } from '../store/configs.ts';
import type { Deployment } from '../store/deployments.ts';
import { readMap } from './config-content.ts';
import type { DeploymentDiff } from './contract/deployments.ts';
import { mediaTypes } from './contract/paths.ts';
import { wholeDocument, type DeploymentDocuments } from './deployment-documents.ts';
import type { ApiDeps } from './deps.ts';
import { readText } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';
import { pathText, queryText } from './http/query.ts';
import { scopesOf } from './http/request.ts';

/** What a deploy would change, in words of the documents. The answer names the configs that were looked at. */
export function deploymentDiffRoutes({ store, permissions }: ApiDeps): Router {
  const router = Router();

  router.post('/deployments/:deployment/diff', consumes(mediaTypes.yaml), async (req, res) => {
    const existing = await store.deployments.get(pathText(req, 'deployment'));
    requireLeave(existing, res);
    const teams = existing?.teams ?? adminTeams(scopesOf(res));
    const redact = queryText(req, 'redact') !== 'false';
    res.json(await diffOf(await readText(req), existing, { teams, redact }));
  });

  return router;

  function requireLeave(existing: Deployment | undefined, res: Response): void {
    if (existing === undefined) permissions.require('create_deployment', scopesOf(res));
    else permissions.requireOn(existing, 'admin', scopesOf(res));
  }

  async function diffOf(
    manifestText: string,
    existing: Deployment | undefined,
    { teams, redact }: { teams: readonly string[]; redact: boolean },
  ): Promise<DeploymentDiff> {
    const cloud = await store.configs.currentOf('cloud', teams);
    const runtime = await store.configs.currentOf('runtime', teams);
    const context = { cloud_config_ids: idsOf(cloud), runtime_config_ids: idsOf(runtime) };
    try {
      const given = readMap(manifestText, 'manifest');
      const manifest = existing === undefined ? given : { ...given, name: existing.name };
      const before = existing === undefined ? {} : await wholeDocument(await stored(existing), existing.teams, store);
      const after = await wholeDocument({ manifest, ...contentsOf(cloud, runtime) }, teams, store);
      const diff = diffDocuments(before, after, { redact });
      return { context, diff };
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      return { diff: [], error: `Unable to diff manifest: ${thrown.message}` };
    }
  }

  async function stored(existing: Deployment): Promise<DeploymentDocuments> {
    const manifest = existing.manifest === null ? {} : readMap(existing.manifest, 'manifest');
    const cloud = await store.configs.getAll(existing.cloudConfigIds);
    const runtime = await store.configs.getAll(existing.runtimeConfigIds);
    return { manifest, ...contentsOf(cloud, runtime) };
  }
}

const idsOf = (configs: readonly Config[]) => configs.map((config) => config.id);

function contentsOf(cloud: readonly Config[], runtime: readonly Config[]) {
  return {
    cloudConfigs: cloud.map((config) => readMap(config.content, 'config')),
    runtimeConfigs: runtime.map((config) => readMap(config.content, 'config')),
  };
}
