import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { OperatorError } from '../../common/errors.ts';
import type { Blobs, StoredBlob } from '../blobs.ts';
import type { BlobsIo } from './blobs-io.ts';
import { multidigestOf, receive, withRetries } from './transfer.ts';

export interface DavOptions {
  endpoint: string;
  user?: string;
  password?: string;
  /** PEM; without: the system's. */
  ca?: string;
}

/**
 * A WebDAV server, as BOSH's `dav` provider uses it: a blob lies in a folder named by the first byte of its id's SHA-1.
 * Node's fetch takes no certificate authority of ours, so that this is the plain client below it.
 */
export function davBlobs(options: DavOptions, io: BlobsIo): Blobs {
  const what = (verb: string, blobId: string) => `${verb} blob ${blobId} at ${new URL(options.endpoint).host}`;
  return {
    get: (blobId, digest, signal) =>
      withRetries({ what: what('fetching', blobId), clock: io.clock, signal }, async () => {
        const response = await answerTo(
          send(options, { method: 'GET', blobId, ...(signal && { signal }) }, (r) => r.end()),
        );
        const path = await io.newFile();
        await receive({ blobId, digest, path }, response, signal);
        return path;
      }),
    put: async (path, signal): Promise<StoredBlob> => {
      const blobId = io.chance.uuid();
      const multidigest = await multidigestOf(path, signal);
      const { size } = await stat(path);
      await withRetries({ what: what('storing', blobId), clock: io.clock, signal }, async () => {
        const headers = { 'content-length': size };
        const sending = send(options, { method: 'PUT', blobId, headers, ...(signal && { signal }) }, (request) => {
          // A broken connection is told by the request itself.
          pipeline(createReadStream(path), request).catch(() => {});
        });
        (await answerTo(sending)).resume();
      });
      return { blobId, multidigest };
    },
  };
}

interface DavRequest {
  method: 'GET' | 'PUT';
  blobId: string;
  headers?: Record<string, number>;
  signal?: AbortSignal;
}

function send(
  { endpoint, user, password, ca }: DavOptions,
  { method, blobId, headers, signal }: DavRequest,
  begin: (request: ClientRequest) => void,
): Promise<IncomingMessage> {
  const folder = createHash('sha1').update(blobId).digest('hex').slice(0, 2);
  const url = new URL(`${endpoint.replace(/\/+$/, '')}/${folder}/${encodeURIComponent(blobId)}`);
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method,
    timeout: idleMaxMs,
    ...(headers && { headers }),
    ...(user !== undefined && { auth: `${user}:${password ?? ''}` }),
    ...(ca !== undefined && { ca }),
    ...(signal && { signal }),
  });
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
    request.once('timeout', () => request.destroy(new Error(`nothing came for ${idleMaxMs / 1000} s`)));
    begin(request);
  });
}

async function answerTo(sending: Promise<IncomingMessage>): Promise<IncomingMessage> {
  const response = await sending;
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  response.resume();
  throw new OperatorError(`the blobstore answered ${status} ${response.statusMessage ?? ''}`, {
    code: status === 404 ? 'blob-not-found' : 'blob-unavailable',
    retryable: status >= 500 || status === 429,
  });
}

const idleMaxMs = 60_000;
