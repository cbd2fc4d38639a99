import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { messageOf, OperatorError } from '../../common/errors.ts';
import { redactUrl } from '../../manifests/diff/redact.ts';

export interface FetchOptions {
  /** `release`, `stemcell`: for messages. */
  what: string;
  bytesMax: number;
  msMax: number;
  signal: AbortSignal;
}

/** As BOSH. */
const redirectsMax = 9;

/**
 * Fetches what a URL names into a file that is not there yet. `http:` and `https:` with user and password in the URL,
 * and `file:` of the director's own machine. On failure no file is left.
 * @throws OperatorError `resource-error` | `resource-not-found` | `resource-too-large` | `disk-full`
 */
export async function fetchTo(file: string, location: string, options: FetchOptions): Promise<void> {
  const deadline = AbortSignal.timeout(options.msMax);
  const signal = AbortSignal.any([options.signal, deadline]);
  try {
    const body = await open(location, { ...options, signal });
    await pipeline(body, atMost(options), createWriteStream(file, { flags: 'wx', mode: 0o600 }), { signal });
  } catch (thrown) {
    await rm(file, { force: true });
    options.signal.throwIfAborted();
    if (deadline.aborted) throw failed(options, location, `it took longer than ${options.msMax / 1000} s`, thrown);
    throw translate(thrown, options, location);
  }
}

async function open(location: string, options: FetchOptions): Promise<Readable> {
  const url = parse(location, options);
  if (url.protocol !== 'file:') return request(url, options, 0);
  const path = fileURLToPath(url);
  if (!(await stat(path)).isFile()) throw failed(options, location, 'it is not a file');
  return createReadStream(path);
}

/** By hand, so that each step can be redirected to http and https alone, and credentials stay with their host. */
async function request(url: URL, options: FetchOptions, redirects: number): Promise<Readable> {
  const { signal } = options;
  const credentials = url.username === '' ? {} : { authorization: basic(url) };
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  const response = await fetch(bare, { headers: credentials, redirect: 'manual', signal });
  if ([301, 302, 303, 307, 308].includes(response.status)) {
    await response.body?.cancel();
    const next = response.headers.get('location');
    if (next === null) throw failed(options, url.href, 'the redirect has no location');
    if (redirects >= redirectsMax) throw failed(options, url.href, `more than ${redirectsMax} redirects`);
    const target = parse(new URL(next, url).href, options);
    if (target.protocol === 'file:') throw failed(options, url.href, 'it redirects to a file');
    return request(target, options, redirects + 1);
  }
  if (response.status === 404) throw notFound(options, url.href);
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw failed(options, url.href, `the server answered ${response.status}`);
  }
  return Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]); // one interface, declared twice
}

function parse(location: string, options: FetchOptions): URL {
  const url = URL.canParse(location) ? new URL(location) : undefined;
  if (url !== undefined && ['http:', 'https:', 'file:'].includes(url.protocol)) return url;
  throw failed(options, location, 'it is not a URL with http, https or file');
}

function basic({ username, password }: URL): string {
  return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`;
}

function atMost({ what, bytesMax }: FetchOptions): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= bytesMax) return done(null, chunk);
      done(
        new OperatorError(`the remote ${what} has more than ${bytesMax} bytes`, {
          code: 'resource-too-large',
          hint: 'Raise limits.upload_gib in the config of the director, or make it smaller.',
          details: { bytesMax, boshCode: 100001 },
        }),
      );
    },
  });
}

function translate(thrown: unknown, options: FetchOptions, location: string): unknown {
  if (thrown instanceof OperatorError) return thrown;
  const code = codeOf(thrown) ?? codeOf(thrown instanceof Error ? thrown.cause : undefined);
  if (code === 'ENOENT') return notFound(options, location);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new OperatorError(`the disk is full: the ${options.what} can not be stored`, {
      code: 'disk-full',
      hint: 'Run clean-up, or give the state directory a larger disk, and upload again.',
      retryable: true,
      cause: thrown,
    });
  }
  const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
  return failed(options, location, messageOf(cause), thrown);
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
}

function failed({ what }: FetchOptions, location: string, why: string, cause?: unknown): OperatorError {
  return new OperatorError(`Downloading remote ${what} from '${redactUrl(location)}' failed: ${why}`, {
    code: 'resource-error',
    hint: 'Check that the director can reach the URL, or download it and upload the file.',
    details: { location: redactUrl(location) },
    cause,
  });
}

function notFound({ what }: FetchOptions, location: string): OperatorError {
  return new OperatorError(`No ${what} found at '${redactUrl(location)}'`, {
    code: 'resource-not-found',
    details: { location: redactUrl(location), boshCode: 100002 },
  });
}
