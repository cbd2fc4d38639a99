import { Router } from 'express';
import type { OrphanedVm } from '../store/instances.ts';
import type { OrphanedVm as WireVm } from './contract/operations.ts';
import type { DeleteVmArgs } from '../artifacts/args.ts';
import type { ApiDeps } from './deps.ts';
import { enqueueFor } from './enqueue.ts';
import { plainText, redirectToTask } from './http/answers.ts';
import { pathText, queryText } from './http/query.ts';
import { rubyTime } from './ruby-time.ts';

/** What deployments have left behind: VMs; networks, of which we keep none. Disks: disks.ts. */
export function orphanRoutes({ store, tasks, requires }: ApiDeps): Router {
  const router = Router();

  // Only VMs that the director had to give up: a deletion is a step that is tried until it succeeds.
  router.get('/orphaned_vms', requires('admin'), async (_req, res) => {
    res.json((await store.instances.orphanedVms()).map(orphanedVmToWire));
  });

  router.delete('/vms/:cid', requires('admin'), async (req, res) => {
    const name = pathText(req, 'cid');
    const args: DeleteVmArgs = { name };
    redirectToTask(res, await enqueueFor(res, tasks, { type: 'delete_vm', description: `delete vm ${name}`, args }));
  });

  router.get('/networks', requires('admin'), (req, res) => {
    const orphaned = queryText(req, 'orphaned');
    if (orphaned === undefined || orphaned === 'false') {
      plainText(res, 500, 'Only orphaned networks can be listed: ask with orphaned=true'); // BOSH answers 500 here, too
      return;
    }
    res.json([]); // managed networks are not built yet: there are none
  });

  return router;
}

/** One whose cid nobody knows is named by its agent: under that name it is to be looked for, and deleted. */
export function orphanedVmToWire(vm: OrphanedVm): WireVm {
  return {
    az: vm.az,
    cid: vm.cid ?? vm.agentId,
    deployment_name: vm.deployment,
    instance_name: vm.instance,
    ip_addresses: vm.addresses,
    orphaned_at: rubyTime(vm.orphanedAtMs),
  };
}
