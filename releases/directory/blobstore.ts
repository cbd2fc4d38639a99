import { constants } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { algorithmFor, checkDigest } from '../../common/digest.ts';
import { OperatorError } from '../../common/errors.ts';
import type { ReleaseConfig } from './config.ts';
import { digestOfFile } from './fingerprint.ts';
import { pathBelow, type ReleasePlace, releaseDirInvalid } from './place.ts';

/** Where the blobs and the final builds of a release are kept for everyone who works on it. */
export interface ReleaseBlobstore {
  /** Into a new file. @throws OperatorError `blob-missing` | `digest-mismatch`; nothing is left then */
  get(blobId: string, digest: string, toFile: string): Promise<void>;
  /** The id of the new blob. */
  create(file: string): Promise<string>;
}

/**
 * @throws OperatorError `release-blobstore-unsupported`, `release-dir-invalid`: when it is used, and not before:
 *   most work needs no blobstore
 */
export function blobstoreOf(config: ReleaseConfig, place: ReleasePlace): ReleaseBlobstore {
  if (config.blobstore === null)
    return refusing(() =>
      releaseDirInvalid('config/final.yml names no blobstore', 'Add blobstore.provider and its options.'),
    );
  const { provider, options } = config.blobstore;
  if (provider !== 'local') return refusing(() => unsupported(provider));
  const path = options['blobstore_path'];
  if (typeof path !== 'string')
    return refusing(() => releaseDirInvalid('the local blobstore of config/final.yml has no blobstore_path'));
  return localBlobstore(path, place);
}

function localBlobstore(dir: string, { chance }: ReleasePlace): ReleaseBlobstore {
  return {
    async get(blobId, digest, toFile) {
      const file = pathBelow(dir, blobId);
      try {
        await copyFile(file, toFile, constants.COPYFILE_FICLONE);
      } catch (cause) {
        throw blobMissing(blobId, dir, cause);
      }
      try {
        checkDigest(`blob ${blobId}`, digest, await digestOfFile(toFile, algorithmFor(digest) as 'sha256')); // any that node knows
      } catch (error) {
        await rm(toFile, { force: true });
        throw error;
      }
    },
    async create(file) {
      const blobId = chance.uuid();
      await mkdir(dir, { recursive: true, mode: 0o770 });
      await copyFile(file, join(dir, blobId), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      return blobId;
    },
  };
}

function refusing(error: () => OperatorError): ReleaseBlobstore {
  return { get: () => Promise.reject(error()), create: () => Promise.reject(error()) };
}

function unsupported(provider: string): OperatorError {
  return new OperatorError(`the release keeps its blobs with the provider "${provider}", which is not supported yet`, {
    code: 'release-blobstore-unsupported',
    hint: 'Use the bosh CLI for what needs that blobstore (sync-blobs, upload-blobs, --final); both work in the same directory.',
    details: { provider, supported: ['local'] },
  });
}

function blobMissing(blobId: string, dir: string, cause: unknown): OperatorError {
  return new OperatorError(`blob ${blobId} is not in ${dir}`, {
    code: 'blob-missing',
    hint: 'Someone uploaded it elsewhere, or not at all: check blobstore_path in config/final.yml and config/private.yml.',
    details: { blobId, dir },
    cause,
  });
}
