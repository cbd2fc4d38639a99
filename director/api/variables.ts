import { Router } from 'express';
import { certificatesOf } from '../credentials/expiry.ts';
import type { DeployedVariable, DeploymentCertificate, Variable } from './contract/variables.ts';
import { deploymentLookup } from './deployment-lookup.ts';
import type { ApiDeps } from './deps.ts';
import { pathText } from './http/query.ts';
import { scopesOf } from './http/request.ts';
import { isoSeconds } from './ruby-time.ts';

/** Which variables deployments use, and at which versions; never their values. */
export function variableRoutes({ store, permissions, requires, configServer, clock }: ApiDeps): Router {
  const find = deploymentLookup(store, permissions);
  const router = Router();

  router.get('/deployments/:deployment/variables', async (req, res) => {
    const { name } = await find(req, res);
    const pins = await store.variableSets.ofDeployment(name);
    res.json(pins.map((pin): Variable => ({ id: pin.versionId, name: pin.name })));
  });

  router.get('/deployments/:deployment/certificate_expiry', async (req, res) => {
    const { name } = await find(req, res, 'read');
    const certificates = await certificatesOf(name, { store, configServer, nowMs: clock.now() });
    res.json(
      certificates.map((certificate): DeploymentCertificate => ({
        name: certificate.name,
        id: certificate.id,
        expiry_date: isoSeconds(certificate.expiresAtMs),
        days_left: certificate.daysLeft,
      })),
    );
  });

  router.get('/deployed_variables/:name', requires('list_deployments'), async (req, res) => {
    const used = await store.variableSets.deployedWith(pathText(req, 'name'));
    const readable = new Set(
      (await store.deployments.list())
        .filter((deployment) => permissions.allowsOn(deployment, 'read', scopesOf(res)))
        .map(({ name }) => name as string),
    );
    const answer: DeployedVariable = {
      deployments: used
        .filter(({ deployment }) => readable.has(deployment))
        .map(({ deployment, versionId }) => ({ name: deployment, version: versionId })),
    };
    res.json(answer);
  });

  return router;
}
