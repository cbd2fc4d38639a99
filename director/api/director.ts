import { Router } from 'express';
import { isResurrectionPaused, pauseResurrection } from '../problems/resurrection.ts';
import { ResurrectionRequest, type Resurrection } from './contract/operations.ts';
import { mediaTypes } from './contract/paths.ts';
import type { JobDetails } from './contract/releases.ts';
import type { ApiDeps } from './deps.ts';
import { readJson } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';
import { queryText } from './http/query.ts';

/** Small routes about the director itself, and about jobs of releases. */
export function directorRoutes({ store, requires, certificates }: ApiDeps): Router {
  const router = Router();

  router.get('/director/certificate_expiry', requires('read'), async (_req, res) => {
    res.json(await certificates());
  });

  router.get('/resurrection', requires('admin'), async (_req, res) => {
    const answer: Resurrection = { resurrection: !(await isResurrectionPaused(store)) };
    res.json(answer);
  });

  router.put('/resurrection', consumes(mediaTypes.json), requires('admin'), async (req, res) => {
    const { resurrection_paused: paused } = await readJson(req, ResurrectionRequest);
    await pauseResurrection(store, paused);
    res.status(200).end();
  });

  router.get('/jobs', requires('read'), async (req, res) => {
    const [name, release, fingerprint] = ['name', 'release_name', 'fingerprint'].map((key) => queryText(req, key));
    if (!name || !release || !fingerprint) {
      res.status(400).end();
      return;
    }
    const [job] = await store.releases.findJobs({ name, release, fingerprint });
    if (job === undefined) {
      res.status(404).end();
      return;
    }
    const answer: JobDetails[] = [{ name: job.name, fingerprint: job.fingerprint, spec: job.spec }];
    res.json(answer);
  });

  return router;
}
