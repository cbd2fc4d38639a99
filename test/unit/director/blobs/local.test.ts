import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemChance } from '../../../../common/chance.ts';
import { digestOf } from '../../../../common/digest.ts';
import { type BlobId, id } from '../../../../common/ids.ts';
import type { Blobstore } from '../../../../director/blobs/blobstore.ts';
import { localBlobs, type LocalBlobsOptions } from '../../../../director/blobs/local.ts';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'blobs-'))));
afterEach(() => rmSync(dir, { recursive: true }));

const open = (options: Partial<LocalBlobsOptions> = {}) => localBlobs({ dir, chance: systemChance, ...options });

async function listed(blobs: Blobstore) {
  const found = [];
  for await (const blob of blobs.list()) found.push(blob);
  return found;
}

test('what was put is what is got, with its digests, whatever the chunks', async () => {
  const blobs = await open();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 20 }), async (chunks) => {
      const bytes = Buffer.concat(chunks);
      const put = await blobs.put(Readable.from(chunks.map((chunk) => Buffer.from(chunk))));
      expect(put).toMatchObject({
        bytes: bytes.length,
        sha1: digestOf(bytes, 'sha1'),
        sha256: digestOf(bytes, 'sha256'),
      });
      expect(await blobs.size(put.blobId)).toBe(bytes.length);
      expect((await buffer(await blobs.get(put.blobId))).equals(bytes)).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test('an upload that breaks off leaves nothing, neither in the list nor on the disk', async () => {
  const blobs = await open();
  async function* broken() {
    yield Buffer.alloc(100_000);
    throw new Error('the client went away');
  }
  await expect(blobs.put(Readable.from(broken()))).rejects.toThrow('went away');
  expect(readdirSync(dir)).toEqual([]);
});

test('what a killed process was uploading is not listed, and removed by the next start', async () => {
  const blobs = await open();
  writeFileSync(join(dir, '.upload-0b5b4b6e-4f6a-4c55-9d8f-1b7f0c7f5a11'), 'half');
  expect(await listed(blobs)).toEqual([]);
  await open();
  expect(readdirSync(dir)).toEqual([]);
});

test('a blob over the limit is refused with the limit, a full disk with what to do', async () => {
  const blobs = await open({ blobBytesMax: 1000 });
  await expect(blobs.put(Readable.from([Buffer.alloc(600), Buffer.alloc(401)]))).rejects.toMatchObject({
    code: 'blob-too-large',
    details: { bytesMax: 1000 },
  });
  await expect(blobs.put(Readable.from([Buffer.alloc(1000)]))).resolves.toMatchObject({ bytes: 1000 });

  // As the write stream reports it; test/servers fills a real file system.
  const full = new Readable({ read: () => full.destroy(Object.assign(new Error('no space'), { code: 'ENOSPC' })) });
  await expect(blobs.put(full)).rejects.toMatchObject({
    code: 'disk-full',
    retryable: true,
    hint: expect.stringContaining('clean-up'),
  });
  expect(readdirSync(dir)).toHaveLength(1);
});

test('deleting is done once and may be done again; what is being read is read to its end', async () => {
  const blobs = await open();
  const bytes = Buffer.alloc(2_000_000, 'x');
  const { blobId } = await blobs.put(Readable.from([bytes]));
  const reading = await blobs.get(blobId);
  await blobs.delete(blobId);
  await blobs.delete(blobId);
  expect((await buffer(reading)).length).toBe(bytes.length);
  expect(await blobs.size(blobId)).toBeUndefined();
  await expect(blobs.get(blobId)).rejects.toMatchObject({ code: 'blob-not-found' });
});

test('an id that is no UUID never becomes a path', async () => {
  writeFileSync(join(dir, 'secret'), 'secret');
  const blobs = await open();
  for (const text of [
    '../secret',
    'secret',
    '',
    '.',
    '/etc/passwd',
    '0b5b4b6e-4f6a-4c55-9d8f-1b7f0c7f5a11/../secret',
  ]) {
    const blobId = id<BlobId>(text);
    await expect(blobs.get(blobId)).rejects.toMatchObject({ code: 'blob-not-found' });
    expect(await blobs.size(blobId)).toBeUndefined();
    await blobs.delete(blobId);
  }
  expect(readdirSync(dir)).toEqual(['secret']);
});

test('the list has every blob with its size and time', async () => {
  const blobs = await open();
  const put = [];
  for (const size of [1, 2, 3]) put.push(await blobs.put(Readable.from([Buffer.alloc(size)])));
  const found = await listed(blobs);
  expect(found.map(({ blobId, bytes }) => ({ blobId, bytes })).sort((a, b) => a.bytes - b.bytes)).toEqual(
    put.map(({ blobId, bytes }) => ({ blobId, bytes })),
  );
  expect(found.every((blob) => Math.abs(blob.modifiedAtMs - Date.now()) < 60_000)).toBe(true);
});
