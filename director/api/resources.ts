import { Router, type Request } from 'express';
import { OperatorError } from '../../common/errors.ts';
import { id, type BlobId } from '../../common/ids.ts';
import type { ApiDeps } from './deps.ts';
import { plainText, sendStream } from './http/answers.ts';
import { pathText } from './http/query.ts';

/** Blobs that clients fetch: exported releases, bundles of logs, packages. */
export function resourceRoutes({ store, blobs, requires }: ApiDeps): Router {
  const router = Router();

  router.get('/resources/:id', requires('admin'), async (req, res) => {
    const content = await blobs.get(blobIdOf(req));
    res.type('application/x-gzip');
    await sendStream(res, content);
  });

  router.get('/packages/blobs/:id', requires('read'), async (req, res) => {
    const blobId = blobIdOf(req);
    if (!(await store.releases.blobExists(blobId))) {
      plainText(res, 400, `Package with blobstore id: ${blobId} does not exist`);
      return;
    }
    res.attachment(`package-blob-${blobId}`).type('application/octet-stream');
    await sendStream(res, await blobs.get(blobId));
  });

  return router;
}

/** Shaped like an id of any blobstore, and never like a path. */
function blobIdOf(req: Request): BlobId {
  const text = pathText(req, 'id');
  if (/^[0-9A-Za-z_-]{1,200}$/.test(text)) return id<BlobId>(text);
  throw new OperatorError(`There is no blob "${text}"`, { code: 'blob-not-found' });
}
