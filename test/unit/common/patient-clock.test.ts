import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { patientClock } from '../../support/real-work.ts';

const [pack, unpack] = [promisify(gzip), promisify(gunzip)];
const bytes = Buffer.alloc(20_000_000, 'what takes a while to pack');

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'patient-clock-'));
});
afterEach(() => rm(dir, { recursive: true }));

test('no virtual time passes while archives are packed and files written, one after the other', async () => {
  const clock = patientClock();
  const startMs = clock.now();
  const path = join(dir, 'packed');
  const work = async () => {
    await writeFile(path, await pack(bytes));
    const read = await unpack(await readFile(path));
    return { bytes: read.length, tookMs: clock.now() - startMs };
  };
  const ticks = async () => {
    for (;;) await clock.sleep(10); // there is always a timer that could be fired instead of waiting
  };
  void ticks();
  expect(await clock.runUntil(work())).toEqual({ bytes: bytes.length, tookMs: 0 });
});

test('sleeps pass at once, in their order', async () => {
  const clock = patientClock();
  const woken: number[] = [];
  const sleepers = [3_600_000, 1000, 60_000].map((ms) => clock.sleep(ms).then(() => void woken.push(ms)));
  await clock.runUntil(Promise.all(sleepers));
  expect(woken).toEqual([1000, 60_000, 3_600_000]);
});
