import pLimit from 'p-limit';
import { packArchive, textEntry } from '../../common/archive-pack.ts';
import type { Blobstore } from '../blobs/blobstore.ts';
import { archiveEntries } from '../templates/archive-entries.ts';
import type { RenderedJob } from '../templates/renderer.ts';

/** A compressor takes some 300 kB, and Node compresses four at a time, however many wait: all of a group may come at once. */
const packing = pLimit(16);

/** An instance's rendered templates, where its agent fetches them from. */
export function storeTemplates(
  jobs: readonly RenderedJob[],
  blobs: Pick<Blobstore, 'put'>,
): Promise<{ blobstore_id: string; sha1: string }> {
  return packing(async () => {
    const entries = [...archiveEntries(jobs)].map(({ path, content, mode }) => textEntry(path, content, mode));
    const { blobId, sha256 } = await blobs.put(packArchive(entries));
    return { blobstore_id: blobId, sha1: `sha256:${sha256}` };
  });
}
