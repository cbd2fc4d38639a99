import type { Request, Response } from 'express';
import { OperatorError } from '../../common/errors.ts';
import type { Permissions } from '../auth/permissions.ts';
import type { Deployment } from '../store/deployments.ts';
import type { Instance } from '../store/instances.ts';
import type { Store } from '../store/store.ts';
import { pathText } from './http/query.ts';
import { scopesOf } from './http/request.ts';

export type FindDeployment = (req: Request, res: Response, permission?: 'admin' | 'read') => Promise<Deployment>;

/**
 * Finds the deployment that a path names and asks for leave on it; `admin` unless said otherwise. As in BOSH, one that
 * is not there is a 404 for everybody.
 * @throws OperatorError `deployment-not-found` | `unauthorized`
 */
export function deploymentLookup(store: Pick<Store, 'deployments'>, permissions: Permissions): FindDeployment {
  return async (req, res, permission = 'admin') => {
    const name = pathText(req, 'deployment');
    const deployment = await store.deployments.get(name);
    if (deployment === undefined) throw deploymentNotFound(name);
    permissions.requireOn(deployment, permission, scopesOf(res));
    return deployment;
  };
}

export function deploymentNotFound(name: string): OperatorError {
  return new OperatorError(`Deployment '${name}' doesn't exist`, { code: 'deployment-not-found' });
}

const uuid = /^[A-Fa-f0-9]{8}-[A-Fa-f0-9-]{27}$/;

/** @throws OperatorError `instance-invalid-index` | `instance-not-found` */
export async function findInstance(
  store: Pick<Store, 'instances'>,
  at: { deployment: string; group: string; indexOrId: string },
): Promise<Instance> {
  const { deployment, group, indexOrId } = at;
  const index = /^\d{1,9}$/.test(indexOrId) ? Number(indexOrId) : undefined;
  if (index === undefined && !uuid.test(indexOrId)) {
    throw new OperatorError(`Invalid instance index or id '${indexOrId}'`, { code: 'instance-invalid-index' });
  }
  const instances = await store.instances.ofDeployment(deployment);
  const found = instances.find(
    (instance) =>
      instance.group === group && (index === undefined ? instance.id === indexOrId : instance.index === index),
  );
  if (found !== undefined) return found;
  throw new OperatorError(`Instance '${deployment}/${group}/${indexOrId}' doesn't exist`, {
    code: 'instance-not-found',
  });
}
