import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../../common/errors.ts';
import type { Blobs, StoredBlob } from '../blobs.ts';
import { orAbsent } from '../files.ts';
import type { BlobsIo } from './blobs-io.ts';
import { multidigestOf, receive } from './transfer.ts';

/** A folder that the director and this machine share: the blob X is the file X. BOSH's `local` provider. */
export function localBlobs(folder: string, io: BlobsIo): Blobs {
  const fileOf = (blobId: string) => {
    if (/^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(blobId)) return join(folder, blobId);
    throw new OperatorError(`"${blobId}" is not the id of a blob`, { code: 'blob-id-malformed' });
  };
  return {
    get: async (blobId, digest, signal) => {
      const source = fileOf(blobId);
      if ((await orAbsent(stat(source))) === undefined) {
        throw new OperatorError(`there is no blob ${blobId} in ${folder}`, { code: 'blob-not-found' });
      }
      const path = await io.newFile();
      await receive({ blobId, digest, path }, createReadStream(source), signal);
      return path;
    },
    put: async (path, signal): Promise<StoredBlob> => {
      const blobId = io.chance.uuid();
      const multidigest = await multidigestOf(path, signal);
      await mkdir(folder, { recursive: true });
      const temporary = join(folder, `.${blobId}.new`);
      try {
        await copyFile(path, temporary);
        const file = await open(temporary);
        await file.sync().finally(() => file.close());
        await rename(temporary, fileOf(blobId));
      } catch (thrown) {
        await rm(temporary, { force: true });
        throw thrown;
      }
      return { blobId, multidigest };
    },
  };
}
