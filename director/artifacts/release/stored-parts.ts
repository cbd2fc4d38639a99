import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { readRelease, type ReleasePart } from '../../../releases/read-release.ts';
import type { JobSpec } from '../../../releases/job-spec.ts';
import type { Blobstore } from '../../blobs/blobstore.ts';
import type { BlobRef } from './plan-upload.ts';

export interface StoreOptions {
  path: string;
  /** A directory of the task's own. */
  workDir: string;
  what: string;
  /** Whether this part is to be stored; the others are checked and passed over. */
  wants: (part: ReleasePart) => boolean;
  /** Around the storing of one part: the place for its line in the task's events. */
  around: (part: ReleasePart, store: () => Promise<BlobRef>) => Promise<BlobRef>;
  checkpoint: () => void;
}

export interface StoredParts {
  /** By kind and name. */
  blobs: ReadonlyMap<string, BlobRef>;
  /** The specs of all jobs that are in the tarball. */
  specs: ReadonlyMap<string, JobSpec>;
}

export const partKey = (kind: ReleasePart['kind'], name: string) => `${kind} ${name}`;

/**
 * Reads a release tarball in one pass; what is wanted goes straight into the blobstore, whole and with the right digest
 * or not at all. Blobs that no row will name (when a later part turns out to be wrong) are removed, or are litter for
 * the next clean-up when we are killed.
 */
export async function storeParts(blobs: Blobstore, options: StoreOptions): Promise<StoredParts> {
  const stored = new Map<string, BlobRef>();
  const put = async (part: ReleasePart, bytes: Readable): Promise<BlobRef> => {
    const { blobId, sha256 } = await blobs.put(bytes);
    const blob = { blobId, digest: part.ref.sha1 ?? `sha256:${sha256}` };
    stored.set(partKey(part.kind, part.name), blob);
    return blob;
  };
  try {
    const { parts } = await readRelease(createReadStream(options.path, { highWaterMark: 256 * 1024 }), {
      what: options.what,
      spoolDir: options.workDir,
      take: async (part, bytes) => {
        options.checkpoint();
        if (options.wants(part)) await options.around(part, () => put(part, bytes));
      },
    });
    const specs = parts.flatMap(({ part, job }) => (job === null ? [] : [[part.name, job.spec] as const]));
    return { blobs: stored, specs: new Map(specs) };
  } catch (thrown) {
    for (const { blobId } of stored.values()) await blobs.delete(blobId);
    throw thrown;
  }
}
