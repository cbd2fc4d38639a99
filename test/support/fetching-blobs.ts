import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Blobs } from '../../agent/blobs.ts';
import { algorithmFor, checkDigest, digestOf } from '../../common/digest.ts';
import { id, type BlobId } from '../../common/ids.ts';
import type { Blobstore } from '../../director/blobs/blobstore.ts';
import { bytesOf } from './release-archive.ts';

/** The director's blobs as agents see them: what is not there, or is something else, cannot be fetched. */
export function fetchingBlobs(blobs: Blobstore, dir: string): Blobs {
  let fetched = 0;
  return {
    async get(blobId, digest) {
      const bytes = await bytesOf(await blobs.get(id<BlobId>(blobId)));
      checkDigest(`blob ${blobId}`, digest, digestOf(bytes, algorithmFor(digest)));
      const path = join(dir, `fetched-${++fetched}`);
      await writeFile(path, bytes);
      return path;
    },
    async put(path) {
      const { blobId, sha1, sha256 } = await blobs.put(createReadStream(path));
      return { blobId, multidigest: `${sha1};sha256:${sha256}` };
    },
  };
}
