import { Router } from 'express';
import type { DeploymentConfig } from './contract/configs.ts';
import type { ApiDeps } from './deps.ts';
import { queryList } from './http/query.ts';
import { scopesOf } from './http/request.ts';

/** Which configs deployments were last deployed with. */
export function deploymentConfigRoutes({ store, permissions, requires }: ApiDeps): Router {
  const router = Router();
  router.get('/deployment_configs', requires('list_deployments'), async (req, res) => {
    const names = new Set(queryList(req, 'deployment'));
    const all = await store.deployments.list();
    const wanted = all.filter(
      (deployment) => names.has(deployment.name) && permissions.allowsOn(deployment, 'read', scopesOf(res)),
    );
    const ids = new Set(
      wanted.flatMap(({ cloudConfigIds, runtimeConfigIds }) => [...cloudConfigIds, ...runtimeConfigIds]),
    );
    const configs = new Map((await store.configs.getAll([...ids])).map((config) => [config.id, config]));
    res.json(
      wanted.flatMap(({ id, name, cloudConfigIds, runtimeConfigIds }): DeploymentConfig[] =>
        [...cloudConfigIds, ...runtimeConfigIds].flatMap((configId) => {
          const config = configs.get(configId);
          if (config === undefined) return [];
          return [{ id, deployment: name, config: { id: config.id, type: config.type, name: config.name } }];
        }),
      ),
    );
  });
  return router;
}
