import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemChance } from '../../common/chance.ts';
import { systemClock } from '../../common/clock.ts';
import { silentLog } from '../../common/log.ts';
import { localBlobs } from '../../director/blobs/local.ts';
import { openStore } from '../../director/store/open-store.ts';

// A real file system that is really full; mounting it needs root.

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', dir]);
});
afterEach(() => {
  execFileSync('umount', [dir]);
  rmSync(dir, { recursive: true });
});

test('a full disk is told as that by the database, which loses nothing and goes on when there is room', async () => {
  const store = await openStore(
    { kind: 'sqlite', path: join(dir, 'gantry.db') },
    { clock: systemClock, log: silentLog },
  );
  await store.setAttribute('uuid', 'kept');
  const ballast = join(dir, 'ballast');
  expect(() => writeFileSync(ballast, Buffer.alloc(4_000_000))).toThrow(/ENOSPC/);

  const writes = (async () => {
    for (let i = 0; i < 100; i++) await store.setAttribute(`a${i}`, 'x'.repeat(20_000));
  })();
  await expect(writes).rejects.toMatchObject({ code: 'disk-full', retryable: true });
  const all = store.atomically(async (inside) => {
    for (let i = 0; i < 100; i++) await inside.setAttribute(`b${i}`, 'x'.repeat(20_000));
  });
  await expect(all).rejects.toMatchObject({ code: 'disk-full' });

  rmSync(ballast);
  await store.setAttribute('uuid', 'kept again');
  expect(await store.attribute('uuid')).toBe('kept again');
  expect(await store.attribute('b0')).toBeUndefined();
  await store.close();
});

test('a full disk is told as that by the blobs, and half a blob stays nowhere', async () => {
  const blobs = await localBlobs({ dir, chance: systemChance });
  const tooMuch = Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(100_000)));
  await expect(blobs.put(tooMuch)).rejects.toMatchObject({ code: 'disk-full', retryable: true });
  expect(readdirSync(dir)).toEqual([]);
  await expect(blobs.put(Readable.from([Buffer.alloc(1000)]))).resolves.toMatchObject({ bytes: 1000 });
});
