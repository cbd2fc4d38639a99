import { Router } from 'express';
import type { DeleteStemcellArgs, UpdateStemcellArgs } from '../artifacts/args.ts';
import { stemcellNotFound } from '../artifacts/errors.ts';
import type { StemcellInUse } from '../store/stemcells.ts';
import { mediaTypes } from './contract/paths.ts';
import { RemoteArtifact } from './contract/releases.ts';
import { StemcellUploadCheck, type Stemcell, type StemcellUploadNeeded } from './contract/stemcells.ts';
import type { ApiDeps } from './deps.ts';
import { enqueueFor } from './enqueue.ts';
import { redirectToTask } from './http/answers.ts';
import { readJson } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';
import { pathText, queryFlag, queryText } from './http/query.ts';
import { spoolUpload } from './http/spool.ts';
import { spoolOf } from './spool-options.ts';

/** Routes under /stemcells, and POST /stemcell_uploads. */
export function stemcellRoutes(deps: ApiDeps): Router {
  const { store, tasks, requires } = deps;
  const router = Router();

  router.get('/stemcells', requires('read_stemcells'), async (_req, res) => {
    res.json((await store.stemcells.list()).map(stemcellToWire));
  });

  router.post('/stemcells', consumes(mediaTypes.json), requires('upload_stemcells'), async (req, res) => {
    const { location, sha1 } = await readJson(req, RemoteArtifact);
    const args: UpdateStemcellArgs = {
      source: { kind: 'remote', location, digest: sha1 ?? null },
      fix: queryFlag(req, 'fix'),
    };
    redirectToTask(
      res,
      await enqueueFor(res, tasks, { type: 'update_stemcell', description: 'create stemcell', args }),
    );
  });

  router.post('/stemcells', consumes(mediaTypes.tarball), requires('upload_stemcells'), async (req, res) => {
    const path = await spoolUpload(req, spoolOf(deps));
    const args: UpdateStemcellArgs = {
      source: { kind: 'spooled', path, digest: queryText(req, 'sha1') ?? null },
      fix: queryFlag(req, 'fix'),
    };
    redirectToTask(
      res,
      await enqueueFor(res, tasks, { type: 'update_stemcell', description: 'create stemcell', args }),
    );
  });

  router.delete('/stemcells/:name/:version', requires('admin'), async (req, res) => {
    const { name, version } = { name: pathText(req, 'name'), version: pathText(req, 'version') };
    if ((await store.stemcells.find(name, version)).length === 0) throw stemcellNotFound(name, version);
    const args: DeleteStemcellArgs = { name, version, force: queryFlag(req, 'force') };
    const description = `delete stemcell: ${name}/${version}`;
    redirectToTask(res, await enqueueFor(res, tasks, { type: 'delete_stemcell', description, args }));
  });

  // The CLI asks before it uploads; no media type is required, as in BOSH.
  router.post('/stemcell_uploads', requires('read_stemcells'), async (req, res) => {
    const { stemcell } = await readJson(req, StemcellUploadCheck);
    const uploads = await store.stemcells.uploads(stemcell.name, stemcell.version);
    const cpis = await deps.cpiNames();
    const needed = cpis.some(({ name, aliases }) => ![name, ...aliases].some((each) => uploads.includes(each)));
    const answer: StemcellUploadNeeded = { needed };
    res.json(answer);
  });

  return router;
}

export function stemcellToWire(stemcell: StemcellInUse): Stemcell {
  return {
    name: stemcell.name,
    operating_system: stemcell.operatingSystem,
    version: stemcell.version,
    cid: stemcell.cid,
    cpi: stemcell.cpi,
    deployments: stemcell.deployments.map((name) => ({ name })),
    api_version: stemcell.apiVersion,
    id: stemcell.id,
  };
}
