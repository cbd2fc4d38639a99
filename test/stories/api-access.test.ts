import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  id,
  type AgentId,
  type DeploymentName,
  type InstanceId,
  type StemcellCid,
  type VmCid,
} from '../../common/ids.ts';
import type { TaskContext } from '../../director/tasks/task-context.ts';
import { admin, givenApi } from '../support/given-api.ts';

const reader = { name: 'reader', password: 'reader', scopes: ['bosh.read'] };
const uuids = ['11111111-0000-4000-8000-000000000000', '22222222-0000-4000-8000-000000000000'];
let api: Awaited<ReturnType<typeof givenApi>>;
let args: unknown;

const takes = (result: string | null) => (task: TaskContext) => {
  args = task.task.args;
  return Promise.resolve(result);
};

/** Deployment `web` of apps/0, which has a VM, and apps/1, which has none. */
beforeEach(async () => {
  args = undefined;
  const handlers = {
    run_errand: takes('1 succeeded, 0 errored, 0 canceled'),
    fetch_logs: takes('blob'),
    ssh: takes(null),
  };
  api = await givenApi({ users: [admin, reader], handlers });
  const { instances, deployments } = api.store;
  await deployments.create(id<DeploymentName>('web'), [], 0);
  const about = { deployment: id<DeploymentName>('web'), group: 'apps', az: 'z1', state: 'started' as const };
  const flags = { bootstrap: false, ignore: false, compilation: false, updateCompleted: true, spec: null };
  await instances.create(uuids.map((uuid, index) => ({ ...about, ...flags, id: id<InstanceId>(uuid), index })));
  await instances.recordVm({
    agentId: id<AgentId>('agent'),
    cid: id<VmCid>('vm'),
    instanceId: id<InstanceId>(uuids[0] ?? ''),
    state: 'live',
    active: true,
    cpi: '',
    stemcell: { name: 's', version: '1', cid: id<StemcellCid>('sc'), apiVersion: 2 },
    cloudProperties: {},
    networks: {},
    env: {},
    permanentCredentials: true,
    createdAtMs: 0,
  });
});
afterEach(() => api.close());

test('a run is a task of the deployment, with what the client asked for', async () => {
  const ran = await api.ended(
    await api.post('/deployments/web/errands/smoke%20tests/runs', {
      'keep-alive': true,
      'when-changed': null,
      instances: [{ group: 'apps', id: '0' }],
    }),
  );
  expect(ran).toMatchObject({
    type: 'run_errand',
    description: 'run errand smoke tests from deployment web',
    deployment: 'web',
    lane: 'normal',
    result: '1 succeeded, 0 errored, 0 canceled',
  });
  expect(args).toEqual({
    deployment: 'web',
    errand: 'smoke tests',
    keepAlive: true,
    whenChanged: false,
    instances: [{ group: 'apps', id: '0' }],
  });
  await api.ended(await api.post('/deployments/web/errands/smoke/runs', {}));
  expect(args).toMatchObject({ keepAlive: false, whenChanged: false, instances: [] });
});

test('who only reads sees which errands there are, and runs none', async () => {
  expect(await api.json('/deployments/web/errands', { user: reader })).toEqual([]); // it was never deployed
  expect((await api.post('/deployments/web/errands/smoke/runs', {}, { user: reader })).status).toBe(401);
  expect((await api.fetch('/deployments/web/jobs/*/*/logs', { user: reader })).status).toBe(401);
  expect((await api.post('/deployments/web/ssh', {}, { user: reader })).status).toBe(401);
  expect((await api.fetch('/deployments/none/errands')).status).toBe(404);
});

test.each([
  [
    '/deployments/web/jobs/*/*/logs?type=agent,job&filters=a/*.log,%20b',
    { type: 'agent,job', filters: ['a/*.log', 'b'] },
  ],
  ['/deployments/web/jobs/apps/*/logs', { type: 'job', filters: [] }],
  ['/deployments/web/jobs/apps/0/logs?type=system', { type: 'system', filters: [] }],
  [`/deployments/web/jobs/apps/${uuids[0]}/logs`, { type: 'job', filters: [] }],
  [`/deployments/web/jobs/*/${uuids[0]}/logs`, { type: 'job', filters: [] }],
])('%s asks those that have a VM', async (path, wish) => {
  const fetched = await api.ended(await api.fetch(path));
  expect(fetched).toMatchObject({ type: 'fetch_logs', description: 'fetch logs', result: 'blob', output: '' });
  expect(args).toEqual({ deployment: 'web', instanceIds: [uuids[0]], ...wish });
});

test.each([
  ['apps/1', 400, "No appropriate instance with a VM was found in deployment 'web'"],
  ['apps/7', 404, "Instance 'web/apps/7' doesn't exist"],
  ['nope/*', 404, 'No instances matched {"job" => "nope"}'],
])('logs of %s are refused with %i', async (path, status, message) => {
  const answer = await api.fetch(`/deployments/web/jobs/${path}/logs`);
  expect(answer.status).toBe(status);
  expect(await answer.json()).toMatchObject({ description: expect.stringContaining(message) });
});

test('ssh is urgent, and told with its target as BOSH writes it', async () => {
  const target = { job: 'apps', indexes: ['0'], ids: ['0'] };
  const params = { user: 'bosh_x', public_key: 'ssh-rsa AAAA' };
  const done = await api.ended(
    await api.post('/deployments/web/ssh', { deployment_name: 'web', target, command: 'setup', params }),
  );
  expect(done).toMatchObject({
    type: 'ssh',
    lane: 'urgent',
    description: 'ssh: setup:{"job" => "apps", "indexes" => ["0"], "ids" => ["0"]}',
  });
  expect(args).toEqual({ deployment: 'web', target, command: 'setup', params });
  await api.ended(
    await api.post('/deployments/web/ssh', {
      target: { indexes: [], ids: [] },
      command: 'cleanup',
      params: { user_regex: '^bosh_x' },
    }),
  );
  expect(args).toMatchObject({ target: { job: null, ids: [], indexes: [] }, command: 'cleanup' });
});

test.each([
  [{ command: 'setup', params: { user: 'x', public_key: 'k' } }],
  [{ target: {}, command: 'explode', params: { user: 'x', public_key: 'k' } }],
  [{ target: {}, command: 'setup', params: { user: '', public_key: 'k' } }],
  [{ target: {}, command: 'cleanup', params: {} }],
])('%j is no request for ssh', async (body) => {
  expect((await api.post('/deployments/web/ssh', body)).status).toBe(400);
  expect(args).toBeUndefined();
});
