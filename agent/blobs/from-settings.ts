import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../../common/errors.ts';
import type { Blobs } from '../blobs.ts';
import { orAbsent } from '../files.ts';
import type { BlobstoreSettings } from '../protocol.ts';
import { textAt } from '../shape.ts';
import type { BlobsIo } from './blobs-io.ts';
import { davBlobs } from './dav-blobs.ts';
import { localBlobs } from './local-blobs.ts';

/** @throws OperatorError `blobstore-unknown` for a provider that this agent doesn't speak */
export function blobsFromSettings({ provider, options }: BlobstoreSettings, io: BlobsIo): Blobs {
  const required = (name: string) => {
    const value = textAt(options, name);
    if (value !== undefined && value !== '') return value;
    throw unknown(`the settings of the ${provider} blobstore have no ${name}`, provider);
  };
  switch (provider) {
    case 'local':
      return localBlobs(required('blobstore_path'), io);
    case 'dav': {
      const user = textAt(options, 'user');
      const ca = textAt(options, 'tls', 'cert', 'ca') ?? textAt(options, 'tls', 'ca');
      const credentials = user === undefined ? {} : { user, password: textAt(options, 'password') ?? '' };
      return davBlobs({ endpoint: required('endpoint'), ...credentials, ...(ca !== undefined && { ca }) }, io);
    }
    default:
      throw unknown(`blobstore provider "${provider}" is none that this agent knows (local, dav)`, provider);
  }
}

/**
 * Blobs that came over the bus (`upload_blob`: rendered templates, where the director keeps them out of the
 * blobstore) lie on this machine already; all others come from the blobstore.
 */
export function withUploaded(blobs: Blobs, folder: string, io: BlobsIo): Blobs {
  const uploaded = localBlobs(folder, io);
  return {
    get: async (blobId, digest, signal) => {
      const here = /^[\w-]+$/.test(blobId) && (await orAbsent(stat(join(folder, blobId)))) !== undefined;
      return (here ? uploaded : blobs).get(blobId, digest, signal);
    },
    put: (path, signal) => blobs.put(path, signal),
  };
}

function unknown(message: string, provider: string): OperatorError {
  return new OperatorError(message, { code: 'blobstore-unknown', details: { provider } });
}
