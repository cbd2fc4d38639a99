import { Router, type RequestHandler } from 'express';
import { OperatorError } from '../../common/errors.ts';
import type { DirectorPermission } from '../auth/permissions.ts';
import { deploymentLookup, deploymentNotFound } from './deployment-lookup.ts';
import type { ApiDeps } from './deps.ts';
import { plainText } from './http/answers.ts';
import { queryText } from './http/query.ts';
import { scopesOf } from './http/request.ts';

type Method = 'get' | 'post' | 'put' | 'delete';

/** What BOSH has and we have not yet, told by name instead of "not found": a client's user learns what is missing. */
const notBuilt: ReadonlyArray<[method: Method, path: string, what: string]> = [
  ['delete', '/networks/:name', 'Managed networks (bosh delete-network)'],
  ['get', '/dynamic_disks', 'Dynamic disks'],
  ['post', '/dynamic_disks', 'Dynamic disks'],
  ['post', '/dynamic_disks/provide', 'Dynamic disks'],
  ['post', '/dynamic_disks/:name/attach', 'Dynamic disks'],
  ['post', '/dynamic_disks/:name/detach', 'Dynamic disks'],
  ['delete', '/dynamic_disks/:name', 'Dynamic disks'],
];

/** Who may ask, where it isn't admins alone: what isn't there is nobody else's business either. */
const leaves: Readonly<Record<string, DirectorPermission>> = {
  'get /dynamic_disks': 'list_dynamic_disks',
  'post /dynamic_disks': 'create_dynamic_disks',
  'post /dynamic_disks/provide': 'provide_dynamic_disks',
  'post /dynamic_disks/:name/attach': 'attach_dynamic_disks',
  'post /dynamic_disks/:name/detach': 'detach_dynamic_disks',
  'delete /dynamic_disks/:name': 'delete_dynamic_disks',
};

export function notBuiltRoutes(deps: ApiDeps): Router {
  const router = Router();
  for (const [method, path, what] of notBuilt) {
    router[method](path, leaveFor(`${method} ${path}`, deps), () => {
      throw new OperatorError(`${what}: not built yet in this director`, { code: 'not-built-yet', details: { what } });
    });
  }

  // Gone from BOSH too.
  const gone = '/deployments/:deployment/jobs/:group/:instance/resurrection';
  router.put(gone, leaveFor(`put ${gone}`, deps), (_req, res) => {
    plainText(
      res,
      410,
      'Resurrection of single instances was removed. Use a config of type "resurrection" for deployments and groups, ' +
        'or `bosh ignore` for one instance.',
    );
  });
  return router;
}

/** On the deployment where the path or the query names one, and else on the director. */
function leaveFor(route: string, { store, permissions, requires }: ApiDeps): RequestHandler {
  const permission = leaves[route] ?? 'admin';
  const onDirector = requires(permission);
  const find = deploymentLookup(store, permissions);
  if (route.includes(':deployment')) {
    return async (req, res, next) => {
      await find(req, res, permission === 'admin' ? 'admin' : 'read');
      next();
    };
  }
  if (!route.startsWith('get /link')) return onDirector;
  return async (req, res, next) => {
    const name = queryText(req, 'deployment');
    if (name === undefined) return onDirector(req, res, next);
    const deployment = await store.deployments.get(name);
    if (deployment === undefined) throw deploymentNotFound(name);
    permissions.requireOn(deployment, 'read', scopesOf(res));
    next();
  };
}
