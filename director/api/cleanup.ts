import { Router } from 'express';
import type { CleanUpArgs } from '../artifacts/args.ts';
import { planCleanUp, type CleanUpPlan } from '../artifacts/clean-up/plan.ts';
import { CleanUpRequest, type CleanUpPlan as WirePlan } from './contract/operations.ts';
import { mediaTypes } from './contract/paths.ts';
import type { ApiDeps } from './deps.ts';
import { orphanedDiskToWire } from './disks.ts';
import { enqueueFor } from './enqueue.ts';
import { redirectToTask } from './http/answers.ts';
import { readJson } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';
import { queryFlag } from './http/query.ts';
import { orphanedVmToWire } from './orphans.ts';
import { stemcellToWire } from './stemcells.ts';

export function cleanUpRoutes({ store, blobs, tasks, requires }: ApiDeps): Router {
  const router = Router();

  router.post('/cleanup', consumes(mediaTypes.json), requires('admin'), async (req, res) => {
    const { config } = await readJson(req, CleanUpRequest);
    const args: CleanUpArgs = {
      removeAll: config.remove_all ?? false,
      keepOrphanedDisks: config.keep_orphaned_disks ?? false,
    };
    const description = args.removeAll ? 'clean up all' : 'clean up';
    redirectToTask(res, await enqueueFor(res, tasks, { type: 'delete_artifacts', description, args }));
  });

  router.get('/cleanup/dryrun', requires('admin'), async (req, res) => {
    const removeAll = queryFlag(req, 'remove_all');
    const keepOrphanedDisks = queryFlag(req, 'keep_orphaned_disks');
    res.json(toWire(await planCleanUp(store, blobs, { removeAll, keepOrphanedDisks })));
  });

  return router;
}

function toWire(plan: CleanUpPlan): WirePlan {
  return {
    releases: plan.releases,
    stemcells: plan.stemcells.map(stemcellToWire),
    compiled_packages: plan.compiledPackages.map((each) => ({
      package_name: each.name,
      stemcell_os: each.stemcellOs,
      stemcell_version: each.stemcellVersion,
    })),
    orphaned_disks: plan.orphanedDisks.map(orphanedDiskToWire),
    orphaned_vms: plan.orphanedVms.map(orphanedVmToWire),
    exported_releases: plan.exportedReleases,
    dns_blobs: [],
  };
}
