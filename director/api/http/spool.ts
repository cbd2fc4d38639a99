import { createWriteStream } from 'node:fs';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request } from 'express';
import type { Chance } from '../../../common/chance.ts';
import { OperatorError } from '../../../common/errors.ts';
import { brokenOff, tooLarge } from './bodies.ts';

export interface SpoolOptions {
  dir: string;
  bytesMax: number;
  /** Left free for the database and for what the task unpacks. */
  freeBytesMin: number;
  chance: Chance;
}

/**
 * Streams an upload into a file of its own and returns its path; the task that gets it removes it. Whatever goes
 * wrong, nothing of it is left behind.
 * @throws OperatorError `body-too-large` | `disk-full` | `body-broken-off`
 */
export async function spoolUpload(
  req: Request,
  { dir, bytesMax, freeBytesMin, chance }: SpoolOptions,
): Promise<string> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const announced = Number(req.headers['content-length'] ?? 0);
  if (announced > bytesMax) throw tooLarge(bytesMax);
  await checkRoom(dir, announced, freeBytesMin);

  const path = join(dir, `upload-${chance.uuid()}`);
  let bytes = 0;
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > bytesMax) done(tooLarge(bytesMax));
      else done(null, chunk);
    },
  });
  try {
    await pipeline(req, limit, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
  } catch (thrown) {
    await rm(path, { force: true });
    throw translate(thrown, dir, bytes);
  }
  return path;
}

async function checkRoom(dir: string, bytes: number, freeBytesMin: number): Promise<void> {
  const { bavail, bsize } = await statfs(dir);
  if (bytes + freeBytesMin > bavail * bsize) throw diskFull(dir, bytes, bavail * bsize);
}

function translate(thrown: unknown, dir: string, bytes: number): unknown {
  if (thrown instanceof OperatorError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(dir, bytes, 0);
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') return brokenOff(bytes, thrown);
  return thrown;
}

function diskFull(dir: string, bytes: number, freeBytes: number): OperatorError {
  return new OperatorError(`No room for an upload of ${bytes} bytes: ${freeBytes} bytes are free in ${dir}`, {
    code: 'disk-full',
    hint: 'Run clean-up, or give the state directory a larger disk, and upload again.',
    details: { bytes, freeBytes, dir },
  });
}
