import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import Value from 'typebox/value';
import { id, taskId, type DeploymentName } from '../../common/ids.ts';
import { packArchive } from '../../common/archive-pack.ts';
import { ExportResult, ReleaseDetails, ReleaseList } from '../../director/api/contract/releases.ts';
import { CleanUpPlan } from '../../director/api/contract/operations.ts';
import { dependencyKey } from '../../releases/dependency-key.ts';
import { readRelease } from '../../releases/read-release.ts';
import { finished, givenApi } from '../support/given-api.ts';
import {
  buildRelease,
  bytesOf,
  packRelease,
  sha256,
  simpleJob,
  type ReleaseTexts,
} from '../support/release-archive.ts';

let api: Awaited<ReturnType<typeof givenApi>>;
beforeEach(async () => {
  api = await givenApi({
    /** "Compiles": the source is the compiled form. */
    compile: async ({ release, stemcell, packages }, task) => {
      const contents = await task.store.releases.contents(release.name, release.version);
      for (const pkg of contents?.packages.filter(({ name }) => packages.includes(name)) ?? []) {
        if (pkg.blobId === null || pkg.digest === null) continue;
        await task.store.releases.addCompiled({
          packageId: pkg.id,
          stemcellOs: stemcell.os,
          stemcellVersion: stemcell.version,
          dependencyKey: dependencyKey(pkg.name, contents?.packages ?? []),
          blobId: (await api.blobs.put(await api.blobs.get(pkg.blobId))).blobId,
          digest: pkg.digest,
        });
      }
    },
  });
});
afterEach(async () => {
  expect(await api.spooled()).toEqual([]); // whatever happened, no upload is left
  await api.close();
});

const texts: ReleaseTexts = {
  name: 'web',
  version: '1',
  jobs: { web: simpleJob('web', 'packages: [app]\n') },
  packages: { lib: { content: 'lib' }, app: { content: 'app', dependencies: ['lib'] } },
};
const tarball = async (of: ReleaseTexts, left: readonly string[] = []) => {
  const built = await buildRelease(of);
  for (const path of left) built.parts.delete(path);
  return bytesOf(packRelease(built));
};
const upload = async (of: ReleaseTexts, query = '', left: readonly string[] = []) =>
  api.ended(await api.upload(`/releases${query}`, await tarball(of, left)));
const details = async (name = 'web', version = '1') => {
  const found = await api.json<ReleaseDetails>(`/releases/${name}?version=${version}`);
  expect(Value.Errors(ReleaseDetails, found)).toEqual([]);
  return found;
};
const deployed = async (version: string) => {
  await api.store.deployments.create(id<DeploymentName>('cf'), [], 0);
  const deploy = { taskId: taskId(1), atMs: 0, user: 'admin', versions: { releases: {}, stemcells: {} } };
  const what = { manifest: 'name: cf', cloudConfigIds: [], runtimeConfigIds: [], stemcells: [], deploy };
  await api.store.deployments.deployed('cf', { ...what, releases: [{ name: 'web', version }] });
};

test('a release is uploaded: its parts are in the blobstore, and its stages are those of BOSH', async () => {
  const task = await upload(texts);
  expect(task).toMatchObject({ state: 'done', description: 'create release', result: "Created release 'web/1'" });
  const [lib, app] =
    (await api.store.releases.contents('web', '1'))?.packages.toSorted((a) => (a.name === 'lib' ? -1 : 1)) ?? [];
  const [job] = (await api.store.releases.contents('web', '1'))?.jobs ?? [];
  expect(finished(task.events)).toEqual([
    'Extracting release: Extracting release',
    'Verifying manifest: Verifying manifest',
    'Resolving package dependencies: Resolving package dependencies',
    `Creating new jobs: web/${job?.version}`,
    `Creating new packages: lib/${lib?.version}`,
    `Creating new packages: app/${app?.version}`,
    'Release has been created: web/1',
  ]);
  const releases = await api.json<unknown>('/releases');
  expect(Value.Errors(ReleaseList, releases)).toEqual([]);
  expect(releases).toEqual([
    {
      name: 'web',
      release_versions: [
        {
          version: '1',
          commit_hash: 'abc1234',
          uncommitted_changes: false,
          currently_deployed: false,
          job_names: ['web'],
        },
      ],
    },
  ]);
  const { packages } = await details();
  expect(packages.map(({ name }) => name)).toEqual(['app', 'lib']);
  for (const { blobstore_id, sha1 } of packages) {
    const content = await api.fetch(`/packages/blobs/${blobstore_id}`);
    expect(`sha256:${sha256(Buffer.from(await content.arrayBuffer()))}`).toBe(sha1);
  }
});

test('uploaded again it is what it was; with --fix all of it is replaced, and nothing is left over', async () => {
  await upload(texts);
  const before = await api.blobIds();
  expect(finished((await upload(texts)).events).slice(3)).toEqual([
    'Processing 2 existing packages: Processing 2 existing packages',
    'Processing 1 existing job: Processing 1 existing job',
    'Release has been created: web/1',
  ]);
  expect(await api.blobIds()).toEqual(before);

  expect(await upload(texts, '?fix=true')).toMatchObject({ state: 'done' });
  const after = await api.blobIds();
  expect(after).toHaveLength(before.length);
  expect(after.filter((blob) => before.includes(blob))).toEqual([]);
  const { jobs, packages } = await details();
  for (const { blobstore_id } of [...jobs, ...packages]) expect(after).toContain(blobstore_id);
});

test('what was compiled from packages goes when --fix replaces them', async () => {
  await upload(texts);
  await deployed('1');
  await exportFor('tiny/1');
  expect((await details()).packages.flatMap((each) => each.compiled_packages)).toHaveLength(2);
  await upload(texts, '?fix=true');
  expect((await details()).packages.flatMap((each) => each.compiled_packages)).toEqual([]);
});

test('another commit, or other contents, under the same version are refused', async () => {
  await upload(texts);
  const other = await buildRelease(texts);
  const commit = { ...other, manifest: other.manifest.replace('abc1234', 'fff0000') };
  expect(await api.ended(await api.upload('/releases', await bytesOf(packRelease(commit))))).toMatchObject({
    state: 'error',
    result: /uploaded with commit_hash 'abc1234'.*now comes with commit_hash 'fff0000'/,
  });
  const changed = (more: Partial<ReleaseTexts>) => upload({ ...texts, ...more });
  const codeOf = (task: { events: readonly unknown[] }) => task.events.at(-1);
  const pkg = await changed({ packages: { ...texts.packages, lib: { content: 'other' } } });
  expect(codeOf(pkg)).toMatchObject({ error: { code: 30012, message: /package 'lib' had different fingerprint/ } });
  const job = await changed({ jobs: { web: simpleJob('web', 'packages: [lib]\n') } });
  expect(codeOf(job)).toMatchObject({ error: { code: 30013, message: /job 'web' had different fingerprint/ } });
});

test('what the director has need not be in the tarball: the CLI asks, and leaves it out', async () => {
  await upload(texts);
  const next = { ...texts, version: '2', packages: { ...texts.packages, more: { content: 'more' } } };
  const { manifest } = await buildRelease(next);
  const known = (await (await api.yaml('/packages/matches', manifest)).json()) as string[];
  expect(known).toHaveLength(2);
  expect(await upload(next, '', ['packages/lib.tgz', 'packages/app.tgz'])).toMatchObject({ state: 'done' });
  expect((await details('web', '2')).packages.every((each) => each.blobstore_id !== null)).toBe(true);

  // The same packages in a release of another name: copied, so that each can be deleted alone.
  const other = { ...texts, name: 'other' };
  expect(await upload(other, '', ['packages/lib.tgz', 'packages/app.tgz'])).toMatchObject({ state: 'done' });
  await api.ended(await api.fetch('/releases/web', { method: 'DELETE' }));
  for (const { blobstore_id } of (await details('other')).packages) {
    expect((await api.fetch(`/packages/blobs/${blobstore_id}`)).status).toBe(200);
  }
});

test('a package that is neither in the tarball nor here is asked for by name', async () => {
  const task = await upload(texts, '', ['packages/lib.tgz']);
  expect(task).toMatchObject({ state: 'error', result: /package 'lib' is not in the tarball/ });
  const { manifest } = await buildRelease(texts);
  expect(await (await api.yaml('/packages/matches', manifest)).json()).toEqual([]);
  expect(await upload(texts)).toMatchObject({ state: 'done' });
  expect(await (await api.yaml('/packages/matches', manifest)).json()).toHaveLength(2);
});

test('an upload that fails leaves no version, and what it shares with another version stays', async () => {
  const versions = async () =>
    ((await (await api.fetch('/releases')).json()) as { release_versions: { version: string }[] }[]).flatMap((each) =>
      each.release_versions.map(({ version }) => version),
    );
  await upload(texts, '', ['packages/lib.tgz']);
  expect([await versions(), await api.store.releases.list(), await api.blobIds()]).toEqual([[], [], []]);

  await upload(texts);
  const before = [await details(), await api.blobIds()];
  const next = { ...texts, version: '2', jobs: { web: simpleJob('web', 'packages: [app, more]\n') } };
  const more = { ...next, packages: { ...texts.packages, more: { content: 'more' } } };
  expect(await upload(more, '', ['packages/more.tgz'])).toMatchObject({ state: 'error' });
  expect([await versions(), await details(), await api.blobIds()]).toEqual([['1'], ...before]);
  expect(await upload(more)).toMatchObject({ state: 'done' });
});

test('a version whose upload is under way is not listed: the bosh CLI would skip its upload', async () => {
  await upload(texts);
  await api.store.releases.begin({ name: 'web', version: '2', commitHash: 'abc', uncommittedChanges: false });
  await api.store.releases.begin({ name: 'new', version: '1', commitHash: 'abc', uncommittedChanges: false });
  const listed = (await (await api.fetch('/releases')).json()) as unknown[];
  expect(listed).toMatchObject([{ name: 'web', release_versions: [{ version: '1' }] }]);
  expect(listed).toHaveLength(1);
  expect(await (await api.fetch('/releases/web')).json()).toMatchObject({ versions: ['1'] });
  expect((await api.fetch('/releases/web?version=2')).status).toBe(404);
});

test('a director that is killed at any blob of an upload ends the same when it runs the task again', async () => {
  for (const failing of [1, 2, 3]) {
    await api.close();
    api = await givenApi({});
    // The put of this blob never comes back to the task: what was stored before it is there, and no row names it.
    let puts = 0;
    const put = api.blobs.put.bind(api.blobs);
    api.blobs.put = async (content: Readable) => {
      const stored = await put(content);
      if (++puts === failing) throw new Error('killed');
      return stored;
    };
    expect(await upload(texts)).toMatchObject({ state: 'error' });
    expect(await upload(texts)).toMatchObject({ state: 'done' });
    const { jobs, packages } = await details();
    expect([jobs.length, packages.length]).toEqual([1, 2]);
    for (const { blobstore_id } of [...jobs, ...packages]) expect(await api.blobIds()).toContain(blobstore_id);
  }
});

test('with --rebase a dev release gets the next version, whatever it called itself', async () => {
  await upload({ ...texts, version: '1+dev.3' });
  const changed = { ...texts, version: '1+dev.1', packages: { ...texts.packages, lib: { content: 'new' } } };
  expect(await upload(changed, '?rebase=true')).toMatchObject({ result: "Created release 'web/1+dev.4'" });
});

const compiled: ReleaseTexts = {
  name: 'web',
  version: '1',
  jobs: { web: simpleJob('web', 'packages: [app]\n') },
  compiledPackages: {
    lib: { content: 'lib', stemcell: 'tiny/1' },
    app: { content: 'app', dependencies: ['lib'], stemcell: 'tiny/1' },
  },
};

test('a compiled release brings no source, which an upload of the source adds', async () => {
  const task = await upload(compiled);
  expect(finished(task.events).filter((line) => line.startsWith('Creating new compiled'))).toHaveLength(2);
  expect(finished(task.events).at(-1)).toBe('Compiled Release has been created: web/1');
  const { packages } = await details();
  expect(
    packages.map((each) => [each.name, each.blobstore_id, each.compiled_packages.map((one) => one.stemcell)]),
  ).toEqual([
    ['app', null, ['tiny/1']],
    ['lib', null, ['tiny/1']],
  ]);
  const { manifest } = await buildRelease(compiled);
  expect(await (await api.yaml('/packages/matches_compiled', manifest)).json()).toHaveLength(2);
  expect(await (await api.yaml('/packages/matches', manifest)).json()).toMatchObject({ code: 440001 });

  // Sparse, under another name: copied from the one that is here.
  const sparse = { ...compiled, name: 'other' };
  const left = ['compiled_packages/lib.tgz', 'compiled_packages/app.tgz'];
  expect(await upload(sparse, '', left)).toMatchObject({ state: 'done' });
  expect((await details('other')).packages.flatMap((each) => each.compiled_packages)).toHaveLength(2);
});

test('packages that were compiled against others than those of the release here are refused', async () => {
  const built = await buildRelease(compiled);
  const version = /- name: lib\n {2}version: (\S+)/.exec(built.manifest)?.[1] ?? '';
  await upload(compiled);
  // The same fingerprints, and another tree of dependencies.
  const other = { ...built, manifest: built.manifest.replace('dependencies: [lib]', 'dependencies: []') };
  expect(version).not.toBe('');
  const task = await api.ended(await api.upload('/releases', await bytesOf(packRelease(other))));
  expect(task.events.at(-1)).toMatchObject({ error: { code: 30016, message: /'app'/ } });
});

async function exportFor(stemcell: string, jobs: string[] = []) {
  const [os, version] = stemcell.split('/');
  const body = {
    deployment_name: 'cf',
    release_name: 'web',
    release_version: '1',
    stemcell_os: os,
    stemcell_version: version,
    sha2: true,
    jobs: jobs.map((name) => ({ name })),
  };
  return api.ended(await api.post('/releases/export', body));
}

test('an exported release is a compiled release that can be uploaded, with the digest that was told', async () => {
  await upload(texts);
  expect((await exportFor('tiny/1')).events.at(-1)).toMatchObject({ error: { code: 70000 } });
  await deployed('2');
  expect((await exportFor('tiny/1')).events.at(-1)).toMatchObject({ error: { code: 30011 } });
  await deployed('1');
  const task = await exportFor('tiny/1');
  expect(task).toMatchObject({
    description: "export release: 'web/1' for 'tiny/1'",
    result: 'Exported release: web/1 for tiny/1',
  });
  const result = JSON.parse(task.output) as ExportResult;
  expect(Value.Errors(ExportResult, result)).toEqual([]);
  const answer = await api.fetch(`/resources/${result.blobstore_id}`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect(`sha256:${sha256(bytes)}`).toBe(result.sha1);

  const { manifest, missing } = await readRelease(Readable.from([bytes]), {
    what: 'it',
    spoolDir: '/nowhere', // its manifest comes first: nothing waits on disk
    take: () => Promise.resolve(null),
  });
  expect(manifest).toMatchObject({ name: 'web', version: '1', compiled: true, commitHash: 'abc1234' });
  expect(manifest.compiledPackages.map((each) => [each.name, each.stemcell])).toEqual([
    ['lib', 'tiny/1'],
    ['app', 'tiny/1'],
  ]);
  expect(missing).toEqual([]);
  const other = await givenApi();
  expect(await other.ended(await other.upload('/releases', bytes))).toMatchObject({ state: 'done' });
  await other.close();
});

test('a release that is deployed is not deleted; deleted, it leaves nothing that no other needs', async () => {
  await upload(texts);
  await upload({ ...texts, version: '2', packages: { ...texts.packages, more: { content: 'more' } } });
  await deployed('2');
  const remove = async (query: string) => api.ended(await api.fetch(`/releases/web${query}`, { method: 'DELETE' }));
  expect((await remove('?version=2')).events.at(-1)).toMatchObject({
    error: { code: 30008, message: /in use by: cf/ },
  });
  expect((await remove('')).events.at(-1)).toMatchObject({ error: { code: 30007 } });
  expect(await remove('?version=1')).toMatchObject({
    state: 'done',
    result: '/release/web',
    description: 'delete release: web/1',
  });
  expect((await details('web', '2')).packages.every(({ blobstore_id }) => blobstore_id !== null)).toBe(true);
  await api.store.deployments.delete('cf');
  const task = await remove('');
  expect(finished(task.events).filter((line) => line.startsWith('Deleting packages'))).toHaveLength(3);
  expect(await api.blobIds()).toEqual([]);
  expect(await api.json('/releases')).toEqual([]);
  expect(await api.json('/releases/web')).toMatchObject({ code: 30005 });
});

test('a clean-up keeps what is in use and the two newest besides; all of it, when told so', async () => {
  for (const version of ['1', '2', '3', '4']) await upload({ ...texts, version });
  await deployed('1');
  await exportFor('tiny/1');
  const plan = await api.json<CleanUpPlan>('/cleanup/dryrun');
  expect(Value.Errors(CleanUpPlan, plan)).toEqual([]);
  expect(plan).toMatchObject({ releases: [{ name: 'web', versions: ['2'] }], compiled_packages: [] });
  expect(plan.exported_releases).toHaveLength(1);
  expect(await api.json('/cleanup/dryrun?remove_all=true')).toMatchObject({
    releases: [{ name: 'web', versions: ['2', '3', '4'] }],
    compiled_packages: [{ package_name: 'app', stemcell_os: 'tiny', stemcell_version: '1' }, { package_name: 'lib' }],
  });
  const run = async (all: boolean) => api.ended(await api.post('/cleanup', { config: { remove_all: all } }));
  expect(await run(false)).toMatchObject({
    description: 'clean up',
    result: /^Deleted 1 release\(s\), 0 stemcell\(s\), 0 extra.* 1 exported release/,
  });
  expect(await run(true)).toMatchObject({
    description: 'clean up all',
    result: /^Deleted 2 release\(s\), 0 stem.* 2 extra/,
  });
  expect(await api.json('/releases')).toMatchObject([{ release_versions: [{ version: '1' }] }]);
  expect(await api.blobIds()).toHaveLength(3); // what web/1 is made of
});

test('an upload that is no release, is too large, or breaks off is refused and leaves nothing', async () => {
  const rubbish = await api.ended(await api.upload('/releases', Buffer.from('rubbish')));
  expect(rubbish.events.at(-1)).toMatchObject({ error: { code: 30002 } });
  const empty = await api.ended(await api.upload('/releases', await bytesOf(packArchive([]))));
  expect(empty.events.at(-1)).toMatchObject({ error: { code: 30003 } });
  expect(await upload({ ...texts, jobs: { web: { 'job.MF': 'name: web\n' } } })).toMatchObject({
    state: 'error',
    events: expect.arrayContaining([expect.objectContaining({ error: expect.objectContaining({ code: 80004 }) })]),
  });

  const small = await givenApi({ uploadBytesMax: 100 });
  expect((await small.upload('/releases', Buffer.alloc(200))).status).toBe(413);
  expect(await small.spooled()).toEqual([]);
  await small.close();
  const full = await givenApi({ freeBytesMin: Number.MAX_SAFE_INTEGER });
  const refused = await full.upload('/releases', Buffer.alloc(200));
  expect([refused.status, await refused.json()]).toMatchObject([507, { code: 500001 }]);
  await full.close();
});

test('the director fetches a release itself, and checks what it got', async () => {
  const bytes = await tarball(texts);
  const server = await serving({
    '/web.tgz': (res) => res.end(bytes),
    '/moved': (res) => res.writeHead(302, { location: '/web.tgz' }).end(),
    '/loop': (res) => res.writeHead(302, { location: '/loop' }).end(),
    '/file': (res) => res.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  });
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const fetchIt = async (path: string, more: object = {}) =>
    api.ended(await api.post('/releases', { location: `http://user:s3cret@127.0.0.1:${port}${path}`, ...more }));
  const good = await fetchIt('/moved', { sha1: `sha256:${sha256(bytes)}` });
  expect(good).toMatchObject({ state: 'done' });
  expect(finished(good.events).slice(0, 2)).toEqual([
    'Downloading remote release: Downloading remote release',
    'Verifying remote release: Verifying remote release',
  ]);
  const errorOf = async (path: string, more?: object) => {
    const { events, debug, result } = await fetchIt(path, more);
    expect(debug + result).not.toContain('s3cret');
    return events.at(-1);
  };
  expect(await errorOf('/web.tgz', { sha1: `sha256:${sha256('x')}` })).toMatchObject({ error: { code: 30015 } });
  expect(await errorOf('/none')).toMatchObject({ error: { code: 100002, message: /No release found at/ } });
  expect(await errorOf('/loop')).toMatchObject({ error: { code: 100001, message: /more than 9 redirects/ } });
  expect(await errorOf('/file')).toMatchObject({ error: { code: 100001, message: /redirects to a file/ } });
  const scheme = await api.ended(await api.post('/releases', { location: 'ftp://x/y' }));
  expect(scheme.events.at(-1)).toMatchObject({ error: { code: 100001 } });
  const twice = await api.post('/releases?sha1=a', { location: 'http://x', sha1: 'b' });
  expect([twice.status, await twice.text()]).toEqual([400, 'Sha1 provided in multiple places']);
  await new Promise((resolve) => server.close(resolve));
});

async function serving(answers: Record<string, (res: ServerResponse) => unknown>): Promise<Server> {
  const server = createServer(
    (req, res) => void (answers[req.url ?? ''] ?? ((none) => none.writeHead(404).end()))(res),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
