import { join } from 'node:path';
import { algorithmFor, checkDigest, digestOf } from '../../common/digest.ts';
import { recordArgument, textField } from '../arguments.ts';
import { ActionFailed } from '../errors.ts';
import { writeWhole } from '../files.ts';
import type { Action } from './action.ts';

/** Takes a small blob over the bus: rendered templates, where they must not lie in the blobstore. */
export const uploadBlob: Action = async ({ platform: { paths } }, { args }) => {
  const upload = recordArgument(args, 0, 'blob');
  const blobId = textField(upload, 'blob_id');
  if (!/^[\w-]+$/.test(blobId))
    throw new ActionFailed(`"${blobId}" is not the id of a blob`, { code: 'blob-id-malformed' });
  const bytes = Buffer.from(textField(upload, 'payload'), 'base64');
  const checksum = textField(upload, 'checksum');
  checkDigest(`blob ${blobId}`, checksum, digestOf(bytes, algorithmFor(checksum)));
  await writeWhole(join(paths.uploadedBlobs, blobId), bytes, 0o600);
  return blobId;
};
