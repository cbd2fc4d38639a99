import { Router } from 'express';
import type { CleanUpArgs } from '../artifacts/args.ts';
import { CleanUpRequest } from './contract/operations.ts';
import { mediaTypes } from './contract/paths.ts';
import type { ApiDeps } from './deps.ts';
import { enqueueFor } from './enqueue.ts';
import { redirectToTask } from './http/answers.ts';
import { readJson } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';
import { queryFlag } from './http/query.ts';

export function cleanUpRoutes({ tasks, requires, planCleanUp }: ApiDeps): Router {
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
    res.json(
      await planCleanUp({
        removeAll: queryFlag(req, 'remove_all'),
        keepOrphanedDisks: queryFlag(req, 'keep_orphaned_disks'),
      }),
    );
  });

  return router;
}
