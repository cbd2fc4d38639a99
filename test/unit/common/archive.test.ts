import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { Header } from 'tar';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type PackEntry, packArchive, textEntry } from '../../../common/archive-pack.ts';
import { readArchive, type ReadArchiveOptions } from '../../../common/archive.ts';

const run = promisify(execFile);
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'archive-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
const packed = (entries: PackEntry[], gzip = true) => bytesOf(packArchive(entries, { gzip }));

async function list(bytes: Buffer | Readable, options: Partial<ReadArchiveOptions> = {}) {
  const found: Array<{ path: string; type: string; text?: string; linkpath?: string }> = [];
  const source = Buffer.isBuffer(bytes) ? Readable.from([bytes], { objectMode: false }) : bytes;
  for await (const { path, type, linkpath, body } of readArchive(source, { what: 'a.tgz', ...options })) {
    if (type === 'file') found.push({ path, type, text: (await bytesOf(body)).toString() });
    else found.push({ path, type, ...(linkpath === '' ? {} : { linkpath }) });
  }
  return found;
}

/** A lone header of any type, with the end mark behind it. */
function rawEntry(fields: ConstructorParameters<typeof Header>[0]): Buffer {
  const header = new Header({ mode: 0o644, size: 0, mtime: new Date(0), ...(fields as object) });
  header.encode();
  return Buffer.concat([header.block as Buffer, Buffer.alloc(1024)]); // encode() has made the block
}

describe('reading', () => {
  const entries: PackEntry[] = [
    { path: 'jobs', type: 'directory', mode: 0o755 },
    textEntry('./jobs//web.tgz', 'web'),
    { path: 'latest', type: 'symlink', mode: 0o777, linkpath: 'jobs/web.tgz' },
    textEntry('empty', ''),
  ];

  test.each([true, false])('finds every entry in order, with plain names (gzip: %s)', async (gzip) => {
    expect(await list(await packed(entries, gzip))).toEqual([
      { path: 'jobs', type: 'directory' },
      { path: 'jobs/web.tgz', type: 'file', text: 'web' },
      { path: 'latest', type: 'symlink', linkpath: 'jobs/web.tgz' },
      { path: 'empty', type: 'file', text: '' },
    ]);
  });

  test('reads what tar writes, in each of its formats, long names and hard links included', async () => {
    const long = `${'deep/'.repeat(40)}${'n'.repeat(120)}`;
    await run('mkdir', ['-p', join(dir, 'in', long.slice(0, 200))]);
    await writeFile(join(dir, 'in', long), 'long');
    await writeFile(join(dir, 'in', 'żółw'), 'turtle');
    await run('ln', [join(dir, 'in', 'żółw'), join(dir, 'in', 'again')]);
    for (const format of ['gnu', 'pax', 'oldgnu']) {
      await run('tar', ['-czf', join(dir, 'a.tgz'), '--sort=name', `--format=${format}`, '-C', join(dir, 'in'), '.']);
      const found = await list(createReadStream(join(dir, 'a.tgz'), { highWaterMark: 7 }));
      expect(found.filter((entry) => entry.type !== 'directory')).toEqual([
        { path: 'again', type: 'file', text: 'turtle' },
        { path: long, type: 'file', text: 'long' },
        { path: 'żółw', type: 'hardlink', linkpath: './again' },
      ]);
      expect(found[0]).toEqual({ path: '.', type: 'directory' });
    }
  });

  test('what it packs, tar lists and unpacks', async () => {
    const long = 'x'.repeat(300);
    await writeFile(join(dir, 'b.tgz'), await packed([...entries, textEntry(`d/${long}`, 'long')]));
    const { stdout } = await run('tar', ['-tzf', join(dir, 'b.tgz')]);
    expect(stdout.trim().split('\n')).toEqual(['jobs/', './jobs//web.tgz', 'latest', 'empty', `d/${long}`]);
  });

  test('the same entries make the same bytes', async () => {
    expect((await packed(entries)).equals(await packed(entries))).toBe(true);
  });

  test('any entries come back, however the bytes are cut into chunks', async () => {
    const file = fc.record({ name: fc.stringMatching(/^[a-z]{1,120}$/), text: fc.string({ maxLength: 3000 }) });
    const property = fc.asyncProperty(
      fc.array(file, { maxLength: 8 }),
      fc.integer({ min: 1, max: 2000 }),
      fc.boolean(),
      async (files, cut, gzip) => {
        const bytes = await packed(
          files.map(({ name, text }) => textEntry(name, text)),
          gzip,
        );
        const chunks = function* () {
          for (let at = 0; at < bytes.length; at += cut) yield bytes.subarray(at, at + cut);
        };
        const found = await list(Readable.from(chunks(), { objectMode: false }));
        expect(found).toEqual(files.map(({ name, text }) => ({ path: name, type: 'file', text })));
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  test('bodies may be left unread or half read; the next entry is found all the same', async () => {
    const bytes = await packed([
      textEntry('a', 'a'.repeat(100_000)),
      textEntry('b', 'b'.repeat(100_000)),
      textEntry('c', 'c'),
    ]);
    const seen: string[] = [];
    for await (const { path, body } of readArchive(Readable.from([bytes]), { what: 'a.tgz' })) {
      seen.push(path);
      if (path === 'b') for await (const chunk of body) if (chunk.length > 0) break;
    }
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  test('leaving the loop closes the source', async () => {
    const source = Readable.from([await packed(entries)], { objectMode: false });
    for await (const entry of readArchive(source, { what: 'a.tgz' })) if (entry.path !== '') break;
    expect(source.destroyed).toBe(true);
  });

  test('an error of the source comes through as it is', async () => {
    const whole = await packed([textEntry('a', Buffer.alloc(300_000, 1).toString('base64'))], false);
    const source = Readable.from(
      (async function* () {
        yield whole.subarray(0, 100_000);
        await Promise.resolve();
        throw new Error('connection reset');
      })(),
      { objectMode: false },
    );
    await expect(list(source)).rejects.toThrow('connection reset');
  });
});

describe('an archive that is not whole is refused', () => {
  test.each([true, false])('wherever it was cut (gzip: %s)', async (gzip) => {
    const whole = await packed([textEntry('a', 'a'.repeat(1500)), textEntry('b', 'b')], gzip);
    const end = gzip ? whole.length : whole.length - 1024; // of a plain one the second end block may be missing
    for (let length = 1; length < end; length += gzip ? 1 : 256) {
      await expect(list(whole.subarray(0, length)), `${length} bytes`).rejects.toMatchObject({
        code: 'archive-cut-short',
      });
    }
  });

  test('an empty file, text, and flipped bits are no archives', async () => {
    await expect(list(Buffer.alloc(0))).rejects.toMatchObject({ code: 'archive-cut-short' });
    await expect(list(Buffer.alloc(1024, 'text'))).rejects.toMatchObject({ code: 'archive-malformed' });
    const whole = await packed([textEntry('a', 'a')]);
    whole[20] = (whole[20] ?? 0) ^ 0xff;
    await expect(list(whole)).rejects.toMatchObject({
      code: expect.stringMatching(/^archive-(malformed|cut-short)$/) as string,
    });
  });

  test('a tgz inside of a tgz is not taken for the archive', async () => {
    const inner = await packed([textEntry('a', randomBytes(5000))]);
    await expect(list(gzipSync(inner))).rejects.toMatchObject({ code: 'archive-malformed' });
  });

  test.each([
    ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
    ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
    ['bzip2', [0x42, 0x5a, 0x68]],
  ])('%s is named as what it is', async (compression, magic) => {
    const bytes = Buffer.concat([Buffer.from(magic), Buffer.alloc(1000)]);
    await expect(list(bytes)).rejects.toMatchObject({ code: 'archive-compression-unknown', details: { compression } });
  });
});

describe('what could do harm is refused', () => {
  test.each(['/etc/passwd', '../x', 'a/../../x', 'a/..'])('the path %s', async (path) => {
    await expect(list(await packed([textEntry(path, 'x')]))).rejects.toMatchObject({ code: 'archive-unsafe-path' });
  });

  test.each(['CharacterDevice', 'BlockDevice', 'FIFO', 'SparseFile'] as const)('a %s', async (type) => {
    await expect(list(rawEntry({ path: 'x', type }))).rejects.toMatchObject({
      code: 'archive-unsafe-type',
      details: { type },
    });
  });

  test('more entries, bytes in one, or bytes in all than the limits say', async () => {
    const bytes = await packed([textEntry('a', 'a'.repeat(2000)), textEntry('b', 'b')]);
    await expect(list(bytes, { limits: { entriesMax: 1 } })).rejects.toMatchObject({
      code: 'archive-too-many-entries',
    });
    await expect(list(bytes, { limits: { entryBytesMax: 1999 } })).rejects.toMatchObject({ code: 'archive-too-large' });
    await expect(list(bytes, { limits: { totalBytesMax: 4000 } })).rejects.toMatchObject({ code: 'archive-too-large' });
  });

  test('a bomb, before it is through', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    await expect(list(bomb, { limits: { ratioFromBytes: 1024 * 1024 } })).rejects.toMatchObject({
      code: 'archive-too-large',
      details: { ratioMax: 200 },
    });
  });

  test('what follows the end mark is read and counted, not kept', async () => {
    const bytes = Buffer.concat([await packed([textEntry('a', 'a')], false), Buffer.alloc(100_000, 7)]);
    expect(await list(bytes)).toHaveLength(1);
    const source = Readable.from([bytes.subarray(0, 4096), bytes.subarray(4096)], { objectMode: false });
    await expect(list(source, { limits: { totalBytesMax: 50_000 } })).rejects.toMatchObject({
      code: 'archive-too-large',
    });
  });
});
