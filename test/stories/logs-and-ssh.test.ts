import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { entryBytes, readArchive } from '../../common/archive.ts';
import { id, type BlobId, type DeploymentName } from '../../common/ids.ts';
import type { FetchLogsArgs, SshArgs } from '../../director/api/deploy-args.ts';
import type { SshSession } from '../../director/api/contract/access.ts';
import { deleteOldBundles } from '../../director/logs/old-bundles.ts';
import { cloudConfigOf, givenDirector, webTier } from '../support/given-director.ts';

let director: Awaited<ReturnType<typeof givenDirector>>;
let fetchDir: string;

beforeEach(async () => {
  fetchDir = await mkdtemp(join(tmpdir(), 'logs-story-'));
  director = await givenDirector({ fetchDir });
  await director.upload();
  await director.uploadStemcell();
  await director.cloudConfig(cloudConfigOf());
  expect(await director.deploy(webTier({ instances: 2 }))).toMatchObject({ state: 'done' });
});

afterEach(async () => {
  await director.close();
  await rm(fetchDir, { recursive: true });
});

const instances = () => director.store.instances.ofDeployment('web');
const agentOf = async (index: number) => {
  const cid = (await instances())[index]?.vms[0]?.cid;
  const agent = cid == null ? undefined : director.machines.agent(cid);
  if (agent === undefined) throw new Error(`web/${index} has no machine`);
  return agent;
};

async function run(type: 'fetch_logs' | 'ssh', args: FetchLogsArgs | SshArgs) {
  const lane = type === 'ssh' ? 'urgent' : 'normal';
  const deployment = id<DeploymentName>('web');
  const about = { type, description: type, args, user: 'admin', deployment, contextId: '', teams: [] };
  return director.ended(await director.engine.enqueue({ ...about, lane }));
}

async function logsOf(...indexes: number[]) {
  const all = await instances();
  const instanceIds = indexes.map((index) => all[index]?.id ?? '');
  return run('fetch_logs', { deployment: 'web', instanceIds, type: 'job', filters: [] });
}

const ssh = (command: SshArgs['command'], params: SshArgs['params'], target: Partial<SshArgs['target']> = {}) =>
  run('ssh', { deployment: 'web', command, params, target: { job: null, ids: [], indexes: [], ...target } });
const key = { user: 'bosh_0123456789abcde', public_key: 'ssh-rsa AAAA' };

async function blobIds(): Promise<BlobId[]> {
  const ids: BlobId[] = [];
  for await (const { blobId } of director.blobs.list()) ids.push(blobId);
  return ids;
}

async function filesIn(blobId: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for await (const entry of readArchive(await director.blobs.get(id<BlobId>(blobId)), { what: 'logs' }))
    if (entry.type === 'file') files.set(entry.path, await entryBytes(entry, 'logs', 1_000_000));
  return files;
}

test('the logs of one instance are the blob that its agent made', async () => {
  const [first] = await instances();
  const fetched = await logsOf(0);
  expect(fetched).toMatchObject({ state: 'done', plan: '' });
  expect(fetched.events).toContain(`"stage":"Fetching logs for web/${first?.id} (0)"`);
  expect(fetched.events).toContain('"task":"Finding and packing log files"');
  const files = await filesIn(fetched.result ?? '');
  expect(files.get('simulated.log')?.toString()).toContain(first?.vms[0]?.agentId);
});

test('the logs of several are one archive of theirs, each named by its instance, and no other blob stays', async () => {
  const [first, second] = await instances();
  const before = await blobIds();
  const fetched = await logsOf(0, 1);
  expect(fetched.events).toContain('"stage":"Fetching group of logs"');
  const files = await filesIn(fetched.result ?? '');
  expect([...files.keys()].map((path) => path.replace(/\d{4}(-\d\d){5}/, 'TIME')).sort()).toEqual(
    [first, second].map((each) => `web.${each?.id}.TIME.tgz`).sort(),
  );
  expect((await blobIds()).filter((blobId) => !before.includes(blobId))).toEqual([fetched.result]);
});

test('an agent that can not pack fails the task, and what others have packed goes', async () => {
  const before = await blobIds();
  (await agentOf(1)).faults.failOnce('fetch_logs');
  expect(await logsOf(0, 1)).toMatchObject({ state: 'error', result: expect.stringContaining('fetch_logs') });
  expect(await blobIds()).toEqual(before);
});

test('a bundle of logs stays ten days, whoever cleans up meanwhile', async () => {
  const bundle = (await logsOf(0)).result as BlobId;
  const named: BlobId[] = [];
  for await (const blobId of director.store.referencedBlobs()) named.push(blobId);
  expect(named).toContain(bundle);
  const inDays = (days: number) => ({ now: () => Date.now() + days * 24 * 60 * 60_000 });
  expect(await deleteOldBundles(director.store, director.blobs, inDays(9))).toBe(0);
  expect(await deleteOldBundles(director.store, director.blobs, inDays(11))).toBe(1);
  expect(await blobIds()).not.toContain(bundle);
  expect(await deleteOldBundles(director.store, director.blobs, inDays(11))).toBe(0);
});

test('accounts are made on the instances that are meant, told as BOSH tells them, and removed', async () => {
  const [first, second] = await instances();
  const told = await ssh('setup', key);
  expect(told).toMatchObject({ state: 'done', result: null });
  const sessions = JSON.parse(told.plan) as SshSession[]; // ssh.ts writes it
  expect(sessions).toEqual(
    [first, second].map((instance) => ({
      command: 'setup',
      status: 'success',
      ip: instance?.ips[0]?.address,
      host_public_key: expect.stringMatching(/^ssh-ed25519 AAAA/),
      id: instance?.id,
      index: instance?.index,
      job: 'web',
    })),
  );
  for (const index of [0, 1]) expect((await agentOf(index)).state.users).toEqual([key.user]);
  expect(await director.store.events.list({ action: 'setup ssh' })).toMatchObject(
    [second, first].map((each) => ({ instance: `web/${each?.id}`, context: { user: key.user } })),
  );

  expect(await ssh('cleanup', { user_regex: `^${key.user}` }, { job: 'web', ids: [first?.id ?? ''] })).toMatchObject({
    state: 'done',
  });
  expect((await agentOf(0)).state.users).toEqual([]);
  expect((await agentOf(1)).state.users).toEqual([key.user]);
  expect(await ssh('cleanup', { user_regex: `^${key.user}` }, { ids: ['1'] })).toMatchObject({ state: 'done' });
  expect((await agentOf(1)).state.users).toEqual([]);
});

test('where one account can not be made, none stays', async () => {
  (await agentOf(1)).faults.failOnce('ssh', 'after');
  expect(await ssh('setup', key)).toMatchObject({ state: 'error', plan: '' });
  for (const index of [0, 1]) expect((await agentOf(index)).state.users).toEqual([]);
});

test('nobody to log in to is an error that says who was looked for', async () => {
  expect(await ssh('setup', key, { job: 'db', ids: ['0'] })).toMatchObject({
    state: 'error',
    result: `No instance with a VM in deployment 'web' matched filter {"job" => "db", "ids" => ["0"]}`,
  });
});
