import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import { algorithmFor, checkDigest, DigestStream } from '../common/digest.ts';
import { paths } from '../director/api/contract/paths.ts';
import type { Context } from './context.ts';
import { pathFrom } from './template.ts';

/** Fetches a blob into `<prefix>-<time>.tgz`, whole and checked or not at all. Gives the path. */
export async function downloadResource(
  context: Context,
  { blobId, digest, prefix, dir }: { blobId: string; digest: string; prefix: string; dir: string },
): Promise<string> {
  const { ui, session, clock } = context;
  const now = new Date(clock.now())
    .toISOString()
    .replace(/[-:]/g, '')
    .replace('T', '-')
    .replace('.', '-')
    .replace('Z', '');
  const full = pathFrom(context, join(dir, `${prefix}-${now}.tgz`));
  ui.line(`Downloading resource '${blobId}' to '${full}'...`);
  await mkdir(pathFrom(context, dir), { recursive: true });
  try {
    await (await session.director()).download(paths.resource(blobId), createWriteStream(`${full}.part`));
    // old directors may not send the digest
    if (digest !== '') checkDigest(full, digest, await hexOf(`${full}.part`, digest));
    await rename(`${full}.part`, full);
  } finally {
    await rm(`${full}.part`, { force: true });
  }
  return full;
}

async function hexOf(file: string, expected: string): Promise<string> {
  const algorithm = algorithmFor(expected);
  const stream = new DigestStream([algorithm]);
  await pipeline(createReadStream(file), stream, new Writable({ write: (_chunk, _encoding, done) => done() }));
  return stream.hex(algorithm);
}
