import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { emptySnapshot, PAGE_BYTES } from '../../../../director/templates/sandbox/snapshot.ts';
import { loadSnapshot, storeSnapshot } from '../../../../director/templates/sandbox/snapshot-file.ts';

const key = 'a'.repeat(64);
let dir: string;
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'snapshot-')), 'made', 'for it');
});
afterEach(() => rm(join(dir, '..', '..'), { recursive: true }));

function givenSnapshot() {
  const snapshot = emptySnapshot(40, 2);
  snapshot.pages.set([3, 39]);
  snapshot.content.fill(1, 0, PAGE_BYTES).fill(2, PAGE_BYTES);
  return snapshot;
}

test('what was stored is loaded, by its key alone', async () => {
  await storeSnapshot(dir, key, givenSnapshot());
  const loaded = await loadSnapshot(dir, key);
  expect(loaded?.pagesTotal).toBe(40);
  expect([...(loaded?.pages ?? [])]).toEqual([3, 39]);
  expect(Buffer.from(loaded?.content ?? []).equals(Buffer.from(givenSnapshot().content))).toBe(true);
  expect(await loadSnapshot(dir, 'b'.repeat(64))).toBeUndefined();
});

test('only the owner reads it, and nothing but the newest stays', async () => {
  await storeSnapshot(dir, key, givenSnapshot());
  await writeFile(join(dir, 'of-others'), '');
  await storeSnapshot(dir, 'b'.repeat(64), givenSnapshot());
  expect((await readdir(dir)).sort()).toEqual(['of-others', `ruby-${'b'.repeat(64)}.snapshot`]);
  expect((await stat(join(dir, `ruby-${'b'.repeat(64)}.snapshot`))).mode & 0o777).toBe(0o600);
});

test.each([
  ['cut off', (bytes: Buffer) => bytes.subarray(0, -1)],
  ['empty', () => Buffer.alloc(0)],
  ['damaged in a page', (bytes: Buffer) => flip(bytes, bytes.length - 1)],
  ['damaged in the page numbers', (bytes: Buffer) => flip(bytes, 44)],
  ['of another format', (bytes: Buffer) => flip(bytes, 0)],
])('one that is %s counts as none', async (_, damage) => {
  await storeSnapshot(dir, key, givenSnapshot());
  const file = join(dir, `ruby-${key}.snapshot`);
  await writeFile(file, damage(await readFile(file)));
  expect(await loadSnapshot(dir, key)).toBeUndefined();
});

function flip(bytes: Buffer, at: number): Buffer {
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  return bytes;
}
