import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { packArchive, textEntry } from '../../../common/archive-pack.ts';
import { jobLimits, readJobArchive } from '../../../releases/job-archive.ts';
import { readRelease, releaseEntriesMax, type ReadReleaseOptions } from '../../../releases/read-release.ts';
import {
  buildRelease,
  type BuiltRelease,
  bytesOf,
  packRelease,
  sha1,
  simpleJob,
} from '../../support/release-archive.ts';

let spoolDir: string;
beforeEach(async () => {
  spoolDir = await mkdtemp(join(tmpdir(), 'spool-'));
});
afterEach(() => rm(spoolDir, { recursive: true, force: true }));

const web = () =>
  buildRelease({
    jobs: {
      web: simpleJob('web', 'packages: [nginx]\nproperties:\n  port: {default: 80}\n'),
      worker: simpleJob('worker'),
    },
    packages: { nginx: { content: 'make', dependencies: ['pcre'] }, pcre: { content: 'make pcre' } },
    license: 'free',
  });

const read = (source: Readable, options: Partial<ReadReleaseOptions<string>> = {}) =>
  readRelease(source, {
    what: 'web.tgz',
    spoolDir,
    take: async (part, bytes) => `${part.kind} ${part.name} ${sha1(await bytesOf(bytes))}`,
    ...options,
  });

describe('a release is read in one pass', () => {
  test.each([
    ['tgz', true, 0],
    ['plain tar', false, 0],
    ['tgz with its manifest in the middle', true, 3],
    ['tgz with its manifest at the end', true, 5],
  ])('%s', async (_, gzip, manifestAt) => {
    const built = await web();
    const { manifest, parts, missing } = await read(packRelease(built, { gzip, manifestAt }));

    expect(manifest).toMatchObject({
      name: 'web',
      version: '1',
      commitHash: 'abc1234',
      uncommittedChanges: false,
      compiled: false,
    });
    expect(missing).toEqual([]);
    expect(parts.map(({ taken }) => taken)).toEqual(
      [...built.parts].map(([path, bytes]) => {
        const [, folder, name] = /^(?:(\w+)s\/)?([\w-]+)\.tgz$/.exec(path) ?? [];
        return `${folder ?? 'license'} ${name ?? ''} ${sha1(bytes)}`;
      }),
    );
    const job = parts.find(({ part }) => part.name === 'web');
    expect(job?.digest).toBe(job?.part.ref.sha1);
    expect(job?.job?.spec.properties.get('port')?.default).toBe(80);
    expect(job?.bytes).toBe(built.parts.get('jobs/web.tgz')?.length);
    expect(await readdir(spoolDir)).toEqual([]);
  });

  test('packages that the director has may be left out', async () => {
    const built = await web();
    built.parts.delete('packages/pcre.tgz');
    const { missing } = await read(packRelease(built));
    expect(missing).toMatchObject([{ kind: 'package', name: 'pcre' }]);
  });

  test('a compiled release says for which stemcell', async () => {
    const built = await buildRelease({
      jobs: { web: simpleJob('web', 'packages: [nginx]\n') },
      compiledPackages: { nginx: { content: 'elf', stemcell: 'ubuntu-jammy/1.2' } },
    });
    const { manifest, parts } = await read(packRelease(built));
    expect(manifest.compiled).toBe(true);
    expect(parts.map(({ part }) => part)).toMatchObject([
      { kind: 'job' },
      { kind: 'compiled-package', ref: { stemcell: 'ubuntu-jammy/1.2' } },
    ]);
  });

  test('what the manifest does not speak of is passed over', async () => {
    const built = await web();
    built.parts.set('packages/stowaway.tgz', Buffer.from('x'));
    built.parts.set('LICENSE', Buffer.from('free'));
    expect((await read(packRelease(built))).parts).toHaveLength(5);
  });

  test('a part that its taker leaves unread is checked all the same', async () => {
    const built = await web();
    const { parts } = await read(packRelease(built), { take: () => Promise.resolve('skipped') });
    expect(parts.every(({ digest, part }) => digest === part.ref.sha1)).toBe(true);
    damage(built, 'packages/pcre.tgz');
    await expect(read(packRelease(built), { take: () => Promise.resolve('skipped') })).rejects.toMatchObject({
      code: 'digest-mismatch',
    });
  });
});

const damage = (built: BuiltRelease, path: string) => built.parts.set(path, Buffer.from('other bytes'));

describe('a release that is not what it says is refused', () => {
  test('a damaged part never ends well for its taker', async () => {
    const built = await web();
    damage(built, 'packages/nginx.tgz');
    const ended: string[] = [];
    const reading = read(packRelease(built), {
      take: async (part, bytes) => {
        await bytesOf(bytes);
        ended.push(part.name);
        return '';
      },
    });
    await expect(reading).rejects.toMatchObject({
      code: 'digest-mismatch',
      message: expect.stringContaining('package nginx/') as string,
    });
    expect(ended).toEqual(['web', 'worker']);
  });

  test('a taker that hides the error of the bytes does not hide it from us', async () => {
    const built = await web();
    damage(built, 'packages/nginx.tgz');
    const take: ReadReleaseOptions<string>['take'] = (_, bytes) =>
      bytesOf(bytes).then(
        () => '',
        () => 'all is well',
      );
    await expect(read(packRelease(built), { take })).rejects.toMatchObject({ code: 'digest-mismatch' });
  });

  test('without a manifest', async () => {
    const { parts } = await web();
    await expect(read(packRelease({ manifest: '', parts: new Map() }))).rejects.toMatchObject({
      code: 'release-invalid',
    });
    const { packArchive, textEntry } = await import('../../../common/archive-pack.ts');
    const bare = packArchive([...parts].map(([path, bytes]) => textEntry(path, bytes)));
    await expect(read(bare)).rejects.toMatchObject({ code: 'release-manifest-missing', details: { boshCode: 30003 } });
    expect(await readdir(spoolDir)).toEqual([]);
  });

  test('all faults of all jobs come at once, with their paths', async () => {
    const built = await buildRelease({
      jobs: {
        web: {
          ...simpleJob('web', 'packages: [ngins]\n'),
          'job.MF': 'name: wep\ntemplates: {ctl.erb: bin/ctl, gone.erb: x}\npackages: [ngins]\n',
        },
        bare: { 'job.MF': 'name: bare\nprovides: [{name: a, type: b, optional: true}, {name: a, type: c}]\n' },
        none: { monit: '' },
      },
      packages: { nginx: { content: 'make' } },
    });
    await expect(read(packRelease(built))).rejects.toMatchObject({
      code: 'release-invalid',
      faults: [
        { path: 'jobs.web.name', boshCode: 80016 },
        { path: 'jobs.web.templates.gone.erb', boshCode: 80002 },
        { path: 'jobs.bare.provides.1.name', boshCode: 80014 },
        { path: 'jobs.bare.provides.0.optional', boshCode: 80013 },
        { path: 'jobs.bare', boshCode: 80004 },
        { path: 'jobs.none', boshCode: 80001 },
      ],
    });
  });

  test('a job that needs a package that is not there', async () => {
    const built = await buildRelease({
      jobs: { web: simpleJob('web', 'packages: [ngins]\n') },
      packages: { nginx: { content: 'make' } },
    });
    await expect(read(packRelease(built))).rejects.toMatchObject({
      faults: [{ path: 'jobs.web.packages.0', suggestion: 'did you mean "nginx"?', boshCode: 80003 }],
    });
  });

  test('a job that is no archive', async () => {
    const built = await web();
    const bytes = Buffer.from('no archive '.repeat(100));
    built.parts.set('jobs/worker.tgz', bytes);
    built.manifest = built.manifest.replace(/(name: worker\n.*\n.*\n\s+sha1: ).*/, `$1${sha1(bytes)}`);
    await expect(read(packRelease(built))).rejects.toMatchObject({
      faults: [{ path: 'jobs.worker', boshCode: 80000 }],
    });
  });

  test('what onManifest throws ends the reading before anything is taken', async () => {
    const taken: string[] = [];
    const reading = read(packRelease(await web()), {
      onManifest: () => {
        throw new Error('already there');
      },
      take: (part) => Promise.resolve(String(taken.push(part.name))),
    });
    await expect(reading).rejects.toThrow('already there');
    expect(taken).toEqual([]);
  });

  test('a part that is there twice', async () => {
    const { packArchive, textEntry } = await import('../../../common/archive-pack.ts');
    const built = await web();
    const entries = [['release.MF', Buffer.from(built.manifest)] as const, ...built.parts, ...built.parts];
    const twice = packArchive(entries.map(([path, bytes]) => textEntry(path, bytes)));
    await expect(read(twice)).rejects.toMatchObject({ code: 'archive-malformed', details: { path: 'jobs/web.tgz' } });
  });
});

test('more entries than any release has are refused, in the release and in a job', async () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => textEntry(`templates/${i}`, ''));
  await expect(read(packArchive(many(releaseEntriesMax + 1)))).rejects.toMatchObject({
    code: 'archive-too-many-entries',
    message: 'web.tgz holds more than 20000 entries',
  });
  await expect(readJobArchive(packArchive(many(jobLimits.entriesMax + 1)), { what: 'job web' })).rejects.toMatchObject({
    code: 'archive-too-many-entries',
    message: 'job web holds more than 10000 entries',
  });
});
