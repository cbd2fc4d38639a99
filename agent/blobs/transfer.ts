import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../../common/clock.ts';
import { algorithmFor, checkDigest, DigestStream } from '../../common/digest.ts';
import { messageOf, OperatorError } from '../../common/errors.ts';

/** Writes a stream to a new file and checks it on the way. On any failure there is no file. */
export async function receive(
  { blobId, digest, path }: { blobId: string; digest: string; path: string },
  content: Readable,
  signal?: AbortSignal,
): Promise<void> {
  const algorithm = algorithmFor(digest);
  const hashing = new DigestStream([algorithm]);
  try {
    await pipeline(content, hashing, createWriteStream(path, { flags: 'wx', mode: 0o600 }), {
      ...(signal && { signal }),
    });
    checkDigest(`blob ${blobId}`, digest, hashing.hex(algorithm));
  } catch (thrown) {
    await rm(path, { force: true });
    throw thrown;
  }
}

/** SHA-1 for directors and agents of all ages, SHA-256 for trust. */
export async function multidigestOf(path: string, signal?: AbortSignal): Promise<string> {
  const hashing = new DigestStream(['sha1', 'sha256']);
  hashing.resume();
  await pipeline(createReadStream(path), hashing, { ...(signal && { signal }) });
  return `${hashing.hex('sha1')};sha256:${hashing.hex('sha256')}`;
}

/** Tries again what may go better the next time. A wrong digest is tried again too: it may have been the transfer. */
export async function withRetries<T>(
  { what, clock, signal }: { what: string; clock: Clock; signal?: AbortSignal | undefined },
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failed = 1; ; failed++) {
    try {
      return await attempt();
    } catch (thrown) {
      const retryable = thrown instanceof OperatorError ? thrown.retryable || thrown.code === 'digest-mismatch' : true;
      if (signal?.aborted === true) throw thrown;
      if (!retryable || failed >= attemptsMax) throw describe(what, failed, thrown);
      await clock.sleep(failed * pauseMs, signal);
    }
  }
}

function describe(what: string, attempts: number, thrown: unknown): OperatorError {
  const code = thrown instanceof OperatorError ? thrown.code : 'blob-unavailable';
  const tries = attempts === 1 ? '' : ` (tried ${attempts} times)`;
  return new OperatorError(`${what}: ${messageOf(thrown)}${tries}`, {
    code,
    cause: thrown,
    hint: 'Check that this machine reaches the blobstore, and that the blobstore still has it.',
  });
}

const attemptsMax = 4;
const pauseMs = 1_000;
