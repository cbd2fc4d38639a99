import type { Readable } from 'node:stream';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRelease, type ReadRelease } from './read-release.ts';

/** What `inspect-local-release` shows: everything is read and verified, nothing is kept. @throws those of `readRelease` */
export async function inspectRelease(source: Readable, what: string): Promise<ReadRelease<null>> {
  const spoolDir = await mkdtemp(join(tmpdir(), 'gantry-inspect-'));
  try {
    return await readRelease(source, { what, spoolDir, take: () => Promise.resolve(null) });
  } finally {
    await rm(spoolDir, { recursive: true, force: true });
  }
}
