import { Router } from 'express';
import { InvalidInput, type Fault } from '../../common/errors.ts';
import { parseAmount } from '../../manifests/update-policy.ts';
import type { ApplyResolutionsArgs, ScanArgs } from '../problems/args.ts';
import { problemDescriber } from '../problems/describe.ts';
import { enqueueScanAndFix } from '../problems/enqueue-scan-and-fix.ts';
import { kinds } from '../problems/kinds.ts';
import { mediaTypes } from './contract/paths.ts';
import { ResolutionsRequest, ScanAndFixRequest, type Problem } from './contract/problems.ts';
import { deploymentLookup } from './deployment-lookup.ts';
import type { ApiDeps } from './deps.ts';
import { enqueueFor } from './enqueue.ts';
import { redirectToTask } from './http/answers.ts';
import { readJson } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';
import { contextIdOfRequest, userOf } from './http/request.ts';

/** Cloud check: what is wrong with the VMs and disks of a deployment, and what is done about it. */
export function problemRoutes({ store, tasks, permissions }: ApiDeps): Router {
  const find = deploymentLookup(store, permissions);
  const router = Router();

  router.post('/deployments/:deployment/scans', async (req, res) => {
    const deployment = await find(req, res);
    const args: ScanArgs = { deployment: deployment.name };
    redirectToTask(
      res,
      await enqueueFor(res, tasks, { type: 'cck_scan', description: 'scan cloud', args, deployment }),
    );
  });

  router.get('/deployments/:deployment/problems', async (req, res) => {
    const { name } = await find(req, res);
    const open = await store.problems.open(name);
    const describe = problemDescriber(open.length === 0 ? [] : await store.instances.ofDeployment(name));
    res.json(
      open.map((problem): Problem => {
        const { kind, description, group } = describe(problem);
        const resolutions = Object.entries(kinds[kind].resolutions).map(([choice, plan]) => ({ name: choice, plan }));
        const { id, type, data } = problem;
        return { id, type, data, description, resolutions, instance_group: group };
      }),
    );
  });

  router.put('/deployments/:deployment/problems', consumes(mediaTypes.json), async (req, res) => {
    const deployment = await find(req, res);
    const { resolutions, max_in_flight_overrides: given } = await readJson(req, ResolutionsRequest);
    const overrides = Object.entries(given ?? {}).map(([group, amount]) => [group, String(amount)] as const);
    refuseUnreadable(Object.keys(resolutions), overrides);
    const args: ApplyResolutionsArgs = {
      deployment: deployment.name,
      resolutions,
      maxInFlightOverrides: Object.fromEntries(overrides),
    };
    const wanted = { type: 'cck_apply', description: 'apply resolutions', args, deployment };
    redirectToTask(res, await enqueueFor(res, tasks, wanted));
  });

  router.put('/deployments/:deployment/scan_and_fix', consumes(mediaTypes.json), async (req, res) => {
    const deployment = await find(req, res);
    const { jobs } = await readJson(req, ScanAndFixRequest);
    const task = await enqueueScanAndFix(
      { store, tasks },
      {
        deployment,
        jobs: Object.fromEntries(Object.entries(jobs).map(([group, list]) => [group, list.map(String)])),
        user: userOf(res).name,
        contextId: contextIdOfRequest(res),
      },
    );
    redirectToTask(res, task);
  });

  return router;
}

function refuseUnreadable(problems: readonly string[], overrides: ReadonlyArray<readonly [string, string]>): void {
  const faults: Fault[] = [
    ...problems
      .filter((problem) => !/^\d{1,15}$/.test(problem))
      .map((problem) => ({ path: `resolutions.${problem}`, message: 'the key is not the id of a problem' })),
    ...overrides
      .filter(([, amount]) => parseAmount(amount) === undefined)
      .map(([group, amount]) => ({
        path: `max_in_flight_overrides.${group}`,
        message: `"${amount}" is neither a number nor a percentage`,
      })),
  ];
  if (faults.length > 0) throw new InvalidInput('Request body', faults, { code: 'field-invalid-value' });
}
