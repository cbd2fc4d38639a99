import { createReadStream, createWriteStream } from 'node:fs';
import { open, opendir, mkdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Chance } from '../../common/chance.ts';
import { DigestStream } from '../../common/digest.ts';
import { OperatorError } from '../../common/errors.ts';
import { type BlobId, id } from '../../common/ids.ts';
import type { Blobstore } from './blobstore.ts';

/** The biggest compiled releases and logs have a few gigabytes. */
const blobBytesMaxDefault = 16 * 1024 ** 3;

export interface LocalBlobsOptions {
  dir: string;
  chance: Chance;
  blobBytesMax?: number;
  /** How agents reach the blobs when they don't share this disk. Default: BOSH's `local` provider on this path. */
  agentSettings?: { provider: string; options: Record<string, unknown> };
}

/** Uploads under way, beside the blobs so that the rename is one; no blob id begins with a dot. */
const uploadPrefix = '.upload-';

/** Blob ids come from requests and agents, and become file names: nothing but a UUID does. */
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const readBytes = 256 * 1024;

/**
 * Blobs as files in one directory, named by their ids: the layout of BOSH's local provider. Removes what uploads
 * left that were cut by a killed process, hence one process per directory.
 *
 * A blob is visible whole or not at all to everyone and after any kill. It is not forced to the disk: after a power
 * cut the newest ones may be damaged, which their digests tell, and an upload with `--fix` repairs.
 */
export async function localBlobs({ dir, chance, ...options }: LocalBlobsOptions): Promise<Blobstore> {
  const blobBytesMax = options.blobBytesMax ?? blobBytesMaxDefault;
  await mkdir(dir, { recursive: true, mode: 0o750 });
  await removeCutUploads(dir);
  const pathOf = (blobId: BlobId) => (uuid.test(blobId) ? join(dir, blobId) : undefined);

  return {
    async put(content) {
      const blobId = id<BlobId>(chance.uuid());
      const upload = join(dir, uploadPrefix + blobId);
      const digest = new DigestStream(['sha1', 'sha256']);
      try {
        await pipeline(content, atMost(blobBytesMax), digest, createWriteStream(upload, { flags: 'wx', mode: 0o640 }));
        await rename(upload, join(dir, blobId));
      } catch (thrown) {
        await rm(upload, { force: true });
        throw asDiskFull(thrown, dir);
      }
      return { blobId, bytes: digest.bytes, sha1: digest.hex('sha1'), sha256: digest.hex('sha256') };
    },

    async get(blobId) {
      const path = pathOf(blobId);
      if (path === undefined) throw notFound(blobId);
      try {
        // Opened here, so that its absence is our caller's to know, and a delete meanwhile does not cut it.
        const file = await open(path, 'r');
        return createReadStream(path, { fd: file, highWaterMark: readBytes });
      } catch (thrown) {
        throw isMissing(thrown) ? notFound(blobId) : thrown;
      }
    },

    async size(blobId) {
      const path = pathOf(blobId);
      if (path === undefined) return undefined;
      return (await statOf(path))?.size;
    },

    async delete(blobId) {
      const path = pathOf(blobId);
      if (path === undefined) return;
      await unlink(path).catch((thrown: unknown) => {
        if (!isMissing(thrown)) throw thrown;
      });
    },

    async *list() {
      for await (const entry of await opendir(dir)) {
        if (!entry.isFile() || !uuid.test(entry.name)) continue;
        const found = await statOf(join(dir, entry.name));
        if (found === undefined) continue; // deleted while we listed
        yield { blobId: id<BlobId>(entry.name), bytes: found.size, modifiedAtMs: found.mtimeMs };
      }
    },

    agentSettings: () => options.agentSettings ?? { provider: 'local', options: { blobstore_path: dir } },
  };
}

async function removeCutUploads(dir: string): Promise<void> {
  for await (const entry of await opendir(dir)) {
    if (entry.name.startsWith(uploadPrefix)) await rm(join(dir, entry.name), { force: true });
  }
}

function atMost(bytesMax: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > bytesMax) done(tooLarge(bytesMax));
      else done(null, chunk);
    },
  });
}

async function statOf(path: string) {
  return stat(path).catch((thrown: unknown) => {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  });
}

const isMissing = (thrown: unknown) => codeOf(thrown) === 'ENOENT';

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
}

function asDiskFull(thrown: unknown, dir: string): unknown {
  if (codeOf(thrown) !== 'ENOSPC' && codeOf(thrown) !== 'EDQUOT') return thrown;
  return new OperatorError(`the disk with the blobs (${dir}) is full`, {
    code: 'disk-full',
    hint: 'Delete what is not used with `bosh clean-up --all`, or give it a bigger disk.',
    details: { dir },
    retryable: true,
    cause: thrown,
  });
}

function tooLarge(bytesMax: number): OperatorError {
  return new OperatorError(`a blob may have ${bytesMax} bytes, and this one has more`, {
    code: 'blob-too-large',
    hint: 'Split the release or the logs into smaller parts.',
    details: { bytesMax },
  });
}

function notFound(blobId: BlobId): OperatorError {
  return new OperatorError(`there is no blob ${blobId}`, {
    code: 'blob-not-found',
    hint: 'If it belongs to a release, upload that one again with --fix. Logs and exported releases are deleted after some time.',
    details: { blobId },
  });
}
