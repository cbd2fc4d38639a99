import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { Header } from 'tar';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { extractArchive, type ExtractOptions } from '../../../common/archive-extract.ts';
import { entriesOf, type PackEntry, packArchive, textEntry } from '../../../common/archive-pack.ts';

const run = promisify(execFile);
let dir: string;
let out: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'extract-'));
  out = join(dir, 'out');
  await mkdir(out);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const extract = (entries: PackEntry[] | Buffer, options: Partial<ExtractOptions> = {}) =>
  extractArchive(
    Buffer.isBuffer(entries) ? Readable.from([entries], { objectMode: false }) : packArchive(entries),
    out,
    {
      what: 'a.tgz',
      ...options,
    },
  );
const link = (path: string, linkpath: string): PackEntry => ({ path, type: 'symlink', mode: 0o777, linkpath });
const directory = (path: string, mode = 0o755): PackEntry => ({ path, type: 'directory', mode });

/** Hard links, which our packer never writes. */
function withHardlink(path: string, linkpath: string, before: PackEntry): Promise<Buffer> {
  const header = new Header({ path, linkpath, type: 'Link', mode: 0o644, size: 0, mtime: new Date(0) });
  header.encode();
  const head = packArchive([before], { gzip: false });
  return head
    .toArray()
    .then((chunks) => Buffer.concat(chunks as Buffer[]))
    .then((tar) => Buffer.concat([tar.subarray(0, tar.length - 1024), header.block as Buffer, Buffer.alloc(1024)]));
}

test('what was packed lies on the disk as it was: contents, modes, times, links', async () => {
  const from = join(dir, 'in');
  await mkdir(join(from, 'bin', 'deep'), { recursive: true });
  await writeFile(join(from, 'bin', 'run'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(join(from, 'bin', 'deep', 'big'), Buffer.alloc(700_000, 'x'), { mode: 0o600 });
  await symlink('bin/run', join(from, 'run'));
  await run('touch', ['-d', '@1000000000', join(from, 'bin', 'run')]);
  await run('chmod', ['555', join(from, 'bin', 'deep')]); // full before it becomes read-only

  const { entries, bytes } = await extractArchive(packArchive(entriesOf(from, { mtimeS: 'keep' })), out, {
    what: 'a.tgz',
  });

  expect({ entries, bytes }).toEqual({ entries: 5, bytes: 700_010 });
  await run('diff', ['-r', '--no-dereference', from, out]);
  expect((await stat(join(out, 'bin', 'run'))).mtimeMs).toBe(1_000_000_000_000);
  expect((await stat(join(out, 'bin', 'run'))).mode & 0o777).toBe(0o755);
  expect((await stat(join(out, 'bin', 'deep'))).mode & 0o777).toBe(0o555);
  expect(await readlink(join(out, 'run'))).toBe('bin/run');
});

test('a thousand small files, with the parents that the archive left out', async () => {
  const files = Array.from({ length: 1000 }, (_, i) => textEntry(`d${i % 7}/e/f${i}`, `content ${i}`));
  await extract(files);
  expect(await readFile(join(out, 'd5', 'e', 'f999'), 'utf8')).toBe('content 999');
  expect((await readdir(out, { recursive: true })).filter((name) => /f\d+$/.test(name))).toHaveLength(1000);
});

test('of two entries with one name the later one stays, and hard links share their file', async () => {
  await extract([textEntry('a', 'first'), textEntry('a', 'second')]);
  expect(await readFile(join(out, 'a'), 'utf8')).toBe('second');

  await mkdir(join(dir, 'in'));
  await writeFile(join(dir, 'in', 'one'), 'shared');
  await run('ln', [join(dir, 'in', 'one'), join(dir, 'in', 'two')]);
  await run('tar', ['-czf', join(dir, 'a.tgz'), '-C', join(dir, 'in'), '.']);
  await extractArchive(createReadStream(join(dir, 'a.tgz')), out, { what: 'a.tgz' });
  expect((await stat(join(out, 'one'))).ino).toBe((await stat(join(out, 'two'))).ino);
});

test('files that were there before are replaced, not written through', async () => {
  await writeFile(join(dir, 'outside'), 'precious');
  await symlink(join(dir, 'outside'), join(out, 'a'));
  await extract([textEntry('a', 'new')]);
  expect(await readFile(join(dir, 'outside'), 'utf8')).toBe('precious');
  expect((await lstat(join(out, 'a'))).isFile()).toBe(true);
});

describe('strict, for what strangers upload', () => {
  test.each([
    ['an absolute target', 'evil', '/etc'],
    ['a target above', 'evil', '../outside'],
    ['a target above, from below', 'd/evil', '../../outside'],
    ['a detour that a link in between could bend', 'evil', 'd/../..'],
  ])('refuses a link with %s', async (_, path, linkpath) => {
    await expect(extract([link(path, linkpath)])).rejects.toMatchObject({ code: 'archive-unsafe-path' });
  });

  test('keeps links that stay inside', async () => {
    await extract([textEntry('lib/libz.so.1', 'z'), link('lib/libz.so', 'libz.so.1'), link('bin/z', '../lib/libz.so')]);
    expect(await readFile(join(out, 'bin', 'z'), 'utf8')).toBe('z');
  });

  test('drops set-uid bits', async () => {
    await extract([textEntry('su', 'x', 0o4755)]);
    expect((await stat(join(out, 'su'))).mode & 0o7777).toBe(0o755);
  });
});

describe('trusted, for packages that the director vouches for', () => {
  test('keeps absolute links and set-uid bits as they are', async () => {
    await extract([link('ruby', '/var/vcap/packages/ruby'), link('up', '../../x'), textEntry('su', 'x', 0o4755)], {
      trusted: true,
    });
    expect(await readlink(join(out, 'ruby'))).toBe('/var/vcap/packages/ruby');
    expect(await readlink(join(out, 'up'))).toBe('../../x');
    expect((await stat(join(out, 'su'))).mode & 0o7777).toBe(0o4755);
  });
});

describe.each([false, true])('nothing leaves the directory (trusted: %s)', (trusted) => {
  test('not through a link that the archive brings along', async () => {
    await mkdir(join(dir, 'outside'));
    const evil = [link('d', trusted ? join(dir, 'outside') : '.'), textEntry('d/x', 'x')];
    await expect(extract(evil, { trusted })).rejects.toMatchObject({ code: 'archive-unsafe-path' });
    const asDirectory = [link('e', trusted ? join(dir, 'outside') : '.'), directory('e'), textEntry('e/x', 'x')];
    await expect(extract(asDirectory, { trusted })).rejects.toMatchObject({ code: 'archive-unsafe-path' });
    expect(await readdir(join(dir, 'outside'))).toEqual([]);
  });

  test('not through a link that replaces a directory', async () => {
    const evil = [textEntry('d/x', 'x'), link('d', trusted ? dir : 'e'), textEntry('d/y', 'y')];
    await expect(extract(evil, { trusted })).rejects.toMatchObject({ code: 'archive-malformed' });
  });

  test('not by a hard link', async () => {
    await writeFile(join(dir, 'secret'), 'secret');
    for (const target of ['/etc/passwd', '../secret', 'nowhere']) {
      const evil = await withHardlink('stolen', target, textEntry('a', 'a'));
      await expect(extract(evil, { trusted })).rejects.toMatchObject({
        code: expect.stringMatching(/^archive-(unsafe-path|malformed)$/) as string,
      });
    }
    const through = await withHardlink('stolen', 'd/secret', link('d', trusted ? dir : '.'));
    await expect(extract(through, { trusted })).rejects.toMatchObject({ code: 'archive-unsafe-path' });
    expect(await readdir(out)).not.toContain('stolen');
  });

  test('not by its path', async () => {
    await expect(extract([textEntry('../x', 'x')], { trusted })).rejects.toMatchObject({ code: 'archive-unsafe-path' });
    expect(await readdir(dir)).toEqual(['out']);
  });
});

test('a full disk or a name that is too long fails with the system error', async () => {
  await expect(extract([textEntry('x'.repeat(300), 'x')])).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
});

test('no file stays open when the archive ends early', async () => {
  const whole = Buffer.concat(
    (await packArchive([textEntry('a', 'a'.repeat(2_000_000))], { gzip: false }).toArray()) as Buffer[],
  );
  await expect(extract(whole.subarray(0, 1_000_000))).rejects.toMatchObject({ code: 'archive-cut-short' });
  const fds = await readdir('/proc/self/fd');
  const open = await Promise.all(fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  expect(open.filter((path) => path.startsWith(out))).toEqual([]);
});
