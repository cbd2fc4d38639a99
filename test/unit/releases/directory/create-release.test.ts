import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { readArchive } from '../../../../common/archive.ts';
import { addBlob, listBlobs, removeBlob, syncBlobs, uploadBlobs } from '../../../../releases/directory/blobs.ts';
import { createRelease, recreateRelease, writeTarball } from '../../../../releases/directory/create-release.ts';
import { finalizeRelease } from '../../../../releases/directory/finalize-release.ts';
import { packReleaseDir } from '../../../../releases/directory/pack-release-dir.ts';
import { redigestRelease } from '../../../../releases/directory/redigest-release.ts';
import { generateJob, generatePackage, initRelease, resetRelease } from '../../../../releases/directory/scaffold.ts';
import { vendorPackage } from '../../../../releases/directory/vendor-package.ts';
import { inspectRelease } from '../../../../releases/inspect-release.ts';
import {
  givenReleaseDir,
  type GivenReleaseDir,
  removeReleaseDirs,
  trickyRelease,
} from '../../../support/release-dir.ts';

afterEach(removeReleaseDirs);
const run = promisify(execFile);

const simple = {
  'jobs/web/spec': 'name: web\npackages: [nginx]\ntemplates: {ctl: bin/ctl}\n',
  'jobs/web/monit': 'check process web\n',
  'jobs/web/templates/ctl': '+x#!/bin/sh\n',
  'packages/nginx/spec': 'name: nginx\ndependencies: [pcre]\nfiles: [nginx/*]\n',
  'packages/nginx/packaging': 'make\n',
  'packages/pcre/spec': 'name: pcre\nfiles: [pcre/*]\n',
  'packages/pcre/packaging': 'make\n',
  'src/nginx/main.c': 'main\n',
  'src/pcre/pcre.c': 'pcre\n',
};

const names = async (file: string) => {
  const found: string[] = [];
  for await (const entry of readArchive(createReadStream(file), { what: file }))
    found.push(`${entry.path}${entry.type === 'symlink' ? ` -> ${entry.linkpath}` : ''}`);
  return found;
};
const packed = ({ progress }: GivenReleaseDir) =>
  progress.flatMap((each) =>
    each.kind === 'index-entry-added' && each.index === 'dev' ? [each.what.replace(/\/.*/, '')] : [],
  );

describe('dev releases', () => {
  test('count their versions, and pack only what changed', async () => {
    const place = await givenReleaseDir(simple);
    expect((await createRelease(place)).manifest).toMatchObject({
      name: 'web',
      version: '0+dev.1',
      commitHash: 'non-git',
      uncommittedChanges: false,
    });
    expect(packed(place).sort()).toEqual(['jobs web', 'packages nginx', 'packages pcre']);

    place.progress.length = 0;
    await writeFile(join(place.dir, 'src', 'pcre', 'pcre.c'), 'better\n');
    expect((await createRelease(place)).manifest.version).toBe('0+dev.2');
    expect(packed(place)).toEqual(['packages pcre']);
    expect(await readFile(join(place.dir, 'dev_releases', 'web', 'index.yml'), 'utf8')).toMatch(
      /^builds:\n  [-0-9a-f]{36}:\n    version: 0\+dev\.\d\n  [-0-9a-f]{36}:\n    version: 0\+dev\.\d\nformat-version: "2"\n$/,
    );
  });

  test('take their version from the clock when asked to, or the one that is given, once', async () => {
    const place = await givenReleaseDir(simple);
    expect((await createRelease(place, { timestampVersion: true })).manifest.version).toBe('0+dev.1893456000');
    expect((await createRelease(place, { version: '7-rc.1', name: 'other' })).manifest).toMatchObject({
      name: 'other',
      version: '7-rc.1',
    });
    await expect(createRelease(place, { version: '7-rc.1', name: 'other' })).rejects.toMatchObject({
      code: 'release-version-exists',
    });
  });

  test('hold links, modes and generated files as packages want them', async () => {
    const place = await givenReleaseDir(trickyRelease);
    const { files } = await createRelease(place);
    const p1 = files.get('packages/p1') ?? '';
    expect(await names(p1)).toEqual([
      'a',
      'a/.hid',
      'a/.hid/.dot',
      'a/b',
      'a/b/one',
      'a/b/t.txt',
      'a/dangling -> /nowhere',
      'a/lnk1 -> b/one',
      'generated',
      'lnk',
      'lnk/lf -> f1',
      'packaging',
      'real',
      'real/f1',
      'sp ace',
      'sp ace/ż.h',
      'x',
      'x/m.c',
    ]);
    expect((await readFile(files.get('packages/p2') ?? '')).subarray(257, 262).toString()).toBe('ustar'); // not compressed
    expect(await names(files.get('jobs/j') ?? '')).toEqual([
      'job.MF',
      'monit',
      'properties_schema.json',
      'templates',
      'templates/exec.erb',
      'templates/link.erb',
      'templates/sub',
      'templates/sub/t.erb',
    ]);
    expect(place.progress).toContainEqual({
      kind: 'warning',
      what: expect.stringContaining('p2 set no_compression') as string,
    });
  });

  test('are packed again when the cache has lost them', async () => {
    const place = await givenReleaseDir(simple);
    await createRelease(place);
    await rm(place.cacheDir, { recursive: true });
    const again = await createRelease(place);
    for (const file of again.files.values()) expect((await stat(file)).isFile()).toBe(true);
  });

  test('from a manifest are what they were', async () => {
    const place = await givenReleaseDir(simple);
    const first = await createRelease(place);
    await writeFile(join(place.dir, 'src', 'pcre', 'pcre.c'), 'later\n');
    const again = await recreateRelease(place, join(place.dir, 'dev_releases', 'web', 'web-0+dev.1.yml'));
    expect(again).toEqual(first);
  });

  test('a failing pre_packaging shows its output', async () => {
    const place = await givenReleaseDir({
      ...simple,
      'packages/pcre/pre_packaging': 'echo about to fail >&2; exit 3\n',
    });
    await expect(createRelease(place)).rejects.toMatchObject({
      code: 'pre-packaging-failed',
      message: expect.stringContaining('about to fail') as string,
    });
    expect(await readdir(join(place.dir)).then((all) => all.includes('dev_releases'))).toBe(false);
  });
});

describe('git', () => {
  const commit = async (dir: string) => {
    await run('git', ['add', '-A'], { cwd: dir });
    await run('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-qm', 'x'], { cwd: dir });
  };

  test('changes must be committed, or forced', async () => {
    const place = await givenReleaseDir({ ...simple, '.gitignore': 'dev_releases\n.dev_builds\n' });
    await run('git', ['init', '-q', place.dir]);
    expect((await createRelease(place, { force: true })).manifest.commitHash).toBe('empty');
    await commit(place.dir);
    const head = (await run('git', ['rev-parse', '--short', 'HEAD'], { cwd: place.dir })).stdout.trim();
    expect((await createRelease(place)).manifest).toMatchObject({ commitHash: head, uncommittedChanges: false });
    await writeFile(join(place.dir, 'src', 'nginx', 'main.c'), 'changed\n');
    await expect(createRelease(place)).rejects.toMatchObject({
      code: 'release-dir-dirty',
      message: expect.stringContaining('src/nginx/main.c') as string,
    });
    expect((await createRelease(place, { force: true })).manifest).toMatchObject({
      commitHash: head,
      uncommittedChanges: true,
    });
  });
});

describe('tarballs', () => {
  test('are read back as they were written, and by tar', async () => {
    const place = await givenReleaseDir({ ...simple, LICENSE: 'free\n' });
    const release = await createRelease(place);
    const file = await writeTarball(release, join(place.dir, '..', '((name))-((version)).tgz'));
    expect(file).toMatch(/web-0\+dev\.1\.tgz$/);
    const { manifest, missing } = await inspectRelease(createReadStream(file), file);
    expect(manifest).toEqual(release.manifest);
    expect(missing).toEqual([]);
    const { stdout } = await run('tar', ['-tzf', file]);
    expect(stdout.trim().split('\n')).toEqual([
      './release.MF',
      './LICENSE',
      './jobs/',
      './jobs/web.tgz',
      './packages/',
      './packages/nginx.tgz',
      './packages/pcre.tgz',
      './license.tgz',
    ]);
  });

  test('get digests of the other kind', async () => {
    const place = await givenReleaseDir(simple);
    const file = await writeTarball(await createRelease(place), join(place.dir, 'a.tgz'));
    const sha1 = await redigestRelease(file, join(place.dir, 'b.tgz'), 'sha1');
    expect(sha1.manifest.jobs[0]?.sha1).toMatch(/^[0-9a-f]{40}$/);
    const back = await redigestRelease(join(place.dir, 'b.tgz'), join(place.dir, 'c.tgz'), 'sha256');
    expect(back.manifest).toEqual((await inspectRelease(createReadStream(file), file)).manifest);
  });

  test('of a directory that must not be touched', async () => {
    const place = await givenReleaseDir(simple);
    const before = await readdir(place.dir, { recursive: true });
    const workDir = await mkdtemp(join(tmpdir(), 'pack-'));
    const shipped = await packReleaseDir({ dir: place.dir, workDir, version: '1' });
    expect(await readdir(place.dir, { recursive: true })).toEqual(before);
    expect(shipped.manifest.packages).toEqual((await createRelease(place)).manifest.packages);
    await rm(workDir, { recursive: true });
  });
});

describe('final releases', () => {
  test('count on from each other, dev ones from final ones', async () => {
    const place = await givenReleaseDir(simple);
    const versionOf = async (final: boolean) => (await createRelease(place, { final })).manifest.version;
    expect([
      await versionOf(false),
      await versionOf(true),
      await versionOf(false),
      await versionOf(true),
      await versionOf(false),
    ]).toEqual(['0+dev.1', '1', '1+dev.1', '2', '2+dev.1']);
    expect(await readFile(join(place.dir, '.final_builds', 'packages', 'pcre', 'index.yml'), 'utf8')).toMatch(
      /^builds:\n  ([0-9a-f]{64}):\n    version: \1\n    blobstore_id: [-0-9a-f]{36}\n    sha1: sha256:[0-9a-f]{64}\nformat-version: "2"\n$/,
    );
  });

  test('a tarball becomes one', async () => {
    const place = await givenReleaseDir(simple);
    const file = await writeTarball(await createRelease(place), join(place.dir, '..', 'a.tgz'));
    await resetRelease(place);
    await rm(place.cacheDir, { recursive: true });
    expect((await finalizeRelease(place, file)).manifest).toMatchObject({ name: 'web', version: '1' });
    expect((await finalizeRelease(place, file, { version: '5' })).manifest.version).toBe('5');
    await expect(finalizeRelease(place, file, { version: '5' })).rejects.toMatchObject({
      code: 'release-version-exists',
    });
    expect((await createRelease(place)).manifest.version).toBe('5+dev.1');
    await rm(place.cacheDir, { recursive: true });
    await rm(join(place.dir, '.dev_builds'), { recursive: true, force: true });
    const { files } = await createRelease(place);
    expect(place.progress.filter(({ kind }) => kind === 'blob-downloaded')).toHaveLength(3);
    expect(files.size).toBe(3);
  });

  test('blobstores that we can not use are refused by name, when they are needed', async () => {
    const place = await givenReleaseDir({
      ...simple,
      'config/final.yml': 'name: web\nblobstore: {provider: s3, options: {bucket_name: b}}\n',
    });
    await createRelease(place);
    await expect(createRelease(place, { final: true })).rejects.toMatchObject({
      code: 'release-blobstore-unsupported',
      details: { provider: 's3' },
    });
  });
});

describe('vendored packages', () => {
  test('come with what they depend on, under a prefix, and need no sources', async () => {
    const from = await givenReleaseDir(simple);
    const original = await createRelease(from);
    const place = await givenReleaseDir({}, { cacheDir: from.cacheDir });
    expect(await vendorPackage(place, from, { packageName: 'nginx', prefix: 'our' })).toEqual([
      'our-pcre',
      'our-nginx',
    ]);
    expect(await readFile(join(place.dir, 'packages', 'our-nginx', 'spec.lock'), 'utf8')).toMatch(
      /^name: our-nginx\nfingerprint: [0-9a-f]{64}\ndependencies:\n- our-pcre\n$/,
    );
    await rm(from.dir, { recursive: true });
    const { manifest } = await createRelease(place);
    expect(manifest.packages.map(({ sha1 }) => sha1)).toEqual(original.manifest.packages.map(({ sha1 }) => sha1));
    await vendorPackage(place, place, { packageName: 'our-pcre' });
  });

  test('a name that is none', async () => {
    const from = await givenReleaseDir(simple);
    await createRelease(from);
    await expect(vendorPackage(from, from, { packageName: 'ngins' })).rejects.toMatchObject({
      code: 'package-unknown',
      hint: 'did you mean "nginx"?',
    });
  });
});

describe('blobs', () => {
  test('are added, uploaded, fetched by others and removed', async () => {
    const place = await givenReleaseDir({ big: 'big\n' });
    const file = join(place.dir, 'big');
    expect(await addBlob(place, file, 'go/go.tgz')).toMatchObject({ path: 'go/go.tgz', bytes: 4, blobstoreId: null });
    await uploadBlobs(place);
    const [blob] = await listBlobs(place);
    expect(blob?.blobstoreId).toMatch(/^[-0-9a-f]{36}$/);

    await rm(join(place.dir, 'blobs'), { recursive: true });
    await mkdir(join(place.dir, 'blobs'));
    await writeFile(join(place.dir, 'blobs', 'stray'), '');
    await syncBlobs(place);
    expect(await readFile(join(place.dir, 'blobs', 'go', 'go.tgz'), 'utf8')).toBe('big\n');
    expect(await readdir(join(place.dir, 'blobs'))).toEqual(['go']);

    await removeBlob(place, 'go/go.tgz');
    expect(await readFile(join(place.dir, 'config', 'blobs.yml'), 'utf8')).toBe('{}\n');
  });

  test('a damaged one is fetched again; one that was changed by hand is not uploaded', async () => {
    const place = await givenReleaseDir({ big: 'big\n' });
    await addBlob(place, join(place.dir, 'big'), 'b');
    await writeFile(join(place.dir, 'blobs', 'b'), 'other\n');
    await expect(uploadBlobs(place)).rejects.toMatchObject({ code: 'release-dir-invalid' });
    await addBlob(place, join(place.dir, 'big'), 'b');
    await uploadBlobs(place);
    await writeFile(join(place.dir, 'blobs', 'b'), 'other\n');
    await syncBlobs(place);
    expect(await readFile(join(place.dir, 'blobs', 'b'), 'utf8')).toBe('big\n');
  });

  test.each(['../x', '/etc/passwd', ''])('the path %j is refused', async (path) => {
    const place = await givenReleaseDir({ big: '' });
    await expect(addBlob(place, join(place.dir, 'big'), path)).rejects.toMatchObject({
      code: 'release-dir-unsafe-path',
    });
    await writeFile(join(place.dir, 'config', 'blobs.yml'), JSON.stringify({ [path]: { size: 1, sha: 'x' } }));
    await expect(syncBlobs(place)).rejects.toMatchObject({ code: 'release-dir-unsafe-path' });
  });
});

describe('beginning', () => {
  test('a new release can be created at once', async () => {
    const place = await givenReleaseDir({});
    await rm(place.dir, { recursive: true });
    await initRelease(place, { git: true });
    await generateJob(place, 'web');
    await generatePackage(place, 'nginx');
    expect((await createRelease(place, { force: true })).manifest).toMatchObject({
      name: 'web',
      jobs: [{ name: 'web' }],
      packages: [{ name: 'nginx' }],
    });
    await expect(generateJob(place, 'web')).rejects.toMatchObject({ code: 'release-dir-invalid' });
    await expect(generatePackage(place, '../x')).rejects.toMatchObject({ code: 'release-dir-invalid' });
    await resetRelease(place);
    expect((await readdir(place.dir)).sort()).toEqual(['.git', '.gitignore', 'config', 'jobs', 'packages', 'src']);
  });
});
