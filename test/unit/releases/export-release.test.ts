import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readArchive } from '../../../common/archive.ts';
import { dependencyKey, withDependencies } from '../../../releases/dependency-key.ts';
import { type CompiledRelease, exportRelease, selectJobs } from '../../../releases/export-release.ts';
import { readRelease } from '../../../releases/read-release.ts';
import { buildRelease, bytesOf, sha1, simpleJob } from '../../support/release-archive.ts';

let spoolDir: string;
beforeEach(async () => {
  spoolDir = await mkdtemp(join(tmpdir(), 'export-'));
});
afterEach(() => rm(spoolDir, { recursive: true, force: true }));

const packages = [
  { name: 'web', version: 'v1', dependencies: ['ruby', 'nginx'] },
  { name: 'nginx', version: 'v2', dependencies: ['pcre'] },
  { name: 'ruby', version: 'v3', dependencies: [] },
  { name: 'pcre', version: 'v4', dependencies: ['gcc'] },
  { name: 'gcc', version: 'v5', dependencies: [] },
];

test('a dependency key is the text that a BOSH director makes', () => {
  expect(dependencyKey('web', packages)).toBe('[["nginx","v2",[["pcre","v4",[["gcc","v5"]]]]],["ruby","v3"]]');
  expect(dependencyKey('gcc', packages)).toBe('[]');
  expect(() => dependencyKey('webb', packages)).toThrowError(
    expect.objectContaining({ code: 'package-unknown', hint: 'did you mean "web"?' }),
  );
});

test('a lattice of dependencies has no key without end', () => {
  const layers = Array.from({ length: 40 }, (_, i) =>
    ['a', 'b'].map((side) => ({
      name: `${side}${i}`,
      version: '1',
      dependencies: i === 0 ? [] : [`a${i - 1}`, `b${i - 1}`],
    })),
  ).flat();
  expect(() => dependencyKey('a39', layers)).toThrowError(
    expect.objectContaining({ code: 'package-dependencies-too-deep' }),
  );
  expect(withDependencies(['a39'], layers)).toHaveLength(79);
  const circle = [{ name: 'a', version: '1', dependencies: ['a'] }];
  expect(() => dependencyKey('a', circle)).toThrowError(
    expect.objectContaining({ code: 'package-dependencies-too-deep' }),
  );
  expect(() => withDependencies(['a'], circle)).toThrowError(
    expect.objectContaining({ code: 'package-dependencies-too-deep' }),
  );
});

test('only what the chosen jobs need is exported, dependencies first', () => {
  const jobs = [
    { name: 'web', packages: ['nginx'] },
    { name: 'worker', packages: ['ruby'] },
  ];
  expect(selectJobs({ jobs, packages }, ['web'])).toMatchObject({
    jobs: [{ name: 'web' }],
    packages: [{ name: 'gcc' }, { name: 'pcre' }, { name: 'nginx' }],
  });
  expect(selectJobs({ jobs, packages }, []).packages).toHaveLength(4);
});

test('an exported release is read back, in one pass and with its stemcell', async () => {
  const { parts } = await buildRelease({ jobs: { web: simpleJob('web', 'packages: [nginx]\n') } });
  const job = parts.get('jobs/web.tgz') ?? Buffer.alloc(0);
  const compiled = Buffer.from('compiled');
  const part = (name: string, bytes: Buffer) => ({
    name,
    version: 'f1',
    fingerprint: 'f1',
    sha1: sha1(bytes),
    bytes: { size: bytes.length, open: () => Readable.from([bytes]) },
  });
  const release: CompiledRelease = {
    name: 'web',
    version: '1',
    commitHash: 'abc1234',
    uncommittedChanges: false,
    stemcell: 'ubuntu-jammy/1.200',
    jobs: [{ ...part('web', job), packages: ['nginx'] }],
    packages: [{ ...part('nginx', compiled), dependencies: [] }],
  };
  const { manifest, parts: read } = await readRelease(exportRelease(release), {
    what: 'exported',
    spoolDir: join(spoolDir, 'nothing may be spooled'),
    take: async (_, bytes) => (await bytesOf(bytes)).length,
  });
  expect(manifest).toMatchObject({
    compiled: true,
    commitHash: 'abc1234',
    compiledPackages: [{ stemcell: 'ubuntu-jammy/1.200' }],
  });
  expect(read.map(({ taken }) => taken)).toEqual([job.length, compiled.length]);

  const raw: string[] = [];
  for await (const entry of readArchive(exportRelease(release), { what: 'exported' })) raw.push(entry.path);
  expect(raw).toEqual(['release.MF', 'jobs', 'jobs/web.tgz', 'compiled_packages', 'compiled_packages/nginx.tgz']);
});

test('a part of another size than was said ends the export with an error, not with a wrong archive', async () => {
  const bytes = { size: 5, open: () => Readable.from([Buffer.from('four')]) };
  const job = { name: 'web', version: 'f', fingerprint: 'f', sha1: 's', packages: [], bytes };
  const release = {
    name: 'web',
    version: '1',
    commitHash: null,
    uncommittedChanges: null,
    stemcell: 'a/1',
    jobs: [job],
    packages: [],
  };
  await expect(bytesOf(exportRelease(release))).rejects.toThrow('another size');
});
