import { afterEach, beforeEach, expect, test } from 'vitest';
import Value from 'typebox/value';
import { Config, type ConfigDiff } from '../../director/api/contract/configs.ts';
import { DeploymentDiff, DeploymentList } from '../../director/api/contract/deployments.ts';
import { Info } from '../../director/api/contract/info.ts';
import { Lock } from '../../director/api/contract/operations.ts';
import { TaskList, type Task } from '../../director/api/contract/tasks.ts';
import type { UpdateDeploymentArgs } from '../../director/api/deploy-args.ts';
import type { LocalUser } from '../../director/auth/local-users.ts';
import { id, taskId, type DeploymentName } from '../../common/ids.ts';
import { admin, givenApi } from '../support/given-api.ts';
import { gate, newTask } from '../support/task-world.ts';

const reader: LocalUser = { name: 'ro', password: 'ro', scopes: ['bosh.read'] };
const dev: LocalUser = { name: 'dev', password: 'dev', scopes: ['bosh.teams.dev.admin'] };
const ops: LocalUser = { name: 'ops', password: 'ops', scopes: ['bosh.teams.ops.admin'] };

let api: Awaited<ReturnType<typeof givenApi>>;
let opened: ReturnType<typeof gate<void>>;
beforeEach(async () => {
  opened = gate<void>();
  api = await givenApi({
    users: [admin, reader, dev, ops],
    handlers: {
      update_deployment: async (task) => {
        const args = task.task.args as UpdateDeploymentArgs;
        await task.withLock(`lock:deployment:${args.deployment}`, 1000, async () => {
          task.result('some output');
          if (args.manifestText.includes('slow')) {
            await new Promise<void>((resolve, reject) => {
              void opened.opened.then(resolve);
              task.signal.addEventListener('abort', () => reject(task.signal.reason as Error));
            });
          }
          await task.store.deployments.deployed(args.deployment, {
            manifest: args.manifestText,
            cloudConfigIds: args.cloudConfigIds,
            runtimeConfigIds: args.runtimeConfigIds,
            releases: [],
            stemcells: [],
            deploy: { taskId: task.task.id, atMs: 0, user: 'admin', versions: { releases: {}, stemcells: {} } },
          });
        });
        return `/deployments/${args.deployment}`;
      },
    },
  });
});
afterEach(() => api.close());

const taskOf = async (response: Response) => {
  const task = await api.store.tasks.get(taskId(Number(response.headers.get('location')?.split('/').at(-1))));
  if (task === undefined) throw new Error(`no task: ${response.status}`);
  return task;
};

test('everyone may see /info; right credentials show the user there, wrong ones show none', async () => {
  const info = await api.json<Info>('/info', { user: null });
  expect(Value.Errors(Info, info)).toEqual([]);
  expect(info).toMatchObject({ user: null, version: '1.2.3 (00000000)', user_authentication: { type: 'basic' } });
  expect(await api.json('/info')).toMatchObject({ user: 'admin' });
  expect(await api.json('/info', { user: { name: 'admin', password: 'no' } })).toMatchObject({ user: null });
});

test('without credentials everything else is refused, in the words that clients know', async () => {
  const answer = await api.fetch('/releases', { user: null });
  expect(answer.status).toBe(401);
  expect(answer.headers.get('www-authenticate')).toBe('Basic realm="BOSH Director"');
  expect(answer.headers.get('date')).toMatch(/GMT$/);
  expect(await answer.text()).toBe("Not authorized: '/releases'\n");
});

test('someone without leave is refused by 401 and a number, never by 403', async () => {
  const answer = await api.fetch('/cleanup/dryrun', { user: reader });
  expect(answer.status).toBe(401);
  expect(await answer.json()).toMatchObject({ code: 600000, description: /^Require one of the scopes: bosh.admin/ });
});

test('paths, media types and methods that nobody knows are not found; what is not built says so', async () => {
  const unknown = await api.fetch('/nope/deeper');
  expect(unknown.status).toBe(404);
  expect(await unknown.text()).toBe("Endpoint '/nope/deeper' not found.");
  expect((await api.post('/deployments', {})).status).toBe(404); // not text/yaml
  expect((await api.fetch('/vms')).status).toBe(404);
  const disks = await api.fetch('/dynamic_disks');
  expect(disks.status).toBe(501);
  expect(await disks.json()).toMatchObject({ code: 100, description: /Dynamic disks.*not built yet/ });
  expect((await api.fetch('/deployments/%zz')).status).toBe(400);
});

test('a context id goes with the task, and one that is too long is refused', async () => {
  const answer = await api.yaml('/deployments', 'name: a', { headers: { 'x-bosh-context-id': 'ci-7' } });
  expect((await taskOf(answer)).contextId).toBe('ci-7');
  const long = await api.fetch('/info', { headers: { 'x-bosh-context-id': 'x'.repeat(65) } });
  expect(long.status).toBe(400);
  expect(await long.json()).toMatchObject({ code: 70010 });
});

test('bodies that are no JSON, lack fields or never end are refused by their number', async () => {
  const refusal = async (path: string, body: string) =>
    (await api.fetch(path, { method: 'POST', body, headers: { 'content-type': 'application/json' } })).json();
  expect(await refusal('/stemcell_uploads', '{')).toMatchObject({ code: 710001 });
  expect(await refusal('/stemcell_uploads', '{"stemcell":{"name":"x"}}')).toEqual({
    code: 40001,
    description: 'Request body: stemcell.version: is missing',
  });
  expect(await refusal('/releases', '{"location":7}')).toMatchObject({ code: 40000 });
  expect(await refusal('/configs', '"x"')).toMatchObject({ code: 440010 });
});

test('a deploy: the deployment is there at once, the task has its configs, the answer is a bare 302', async () => {
  await api.yaml('/cloud_configs', 'azs: []');
  await api.yaml('/runtime_configs?name=x', 'tags: {}');
  const answer = await api.yaml('/deployments?recreate=true&canaries=2&skip_drain=web,db', 'name: web\nslow: 1');
  expect(answer.status).toBe(302);
  expect(answer.headers.get('location')).toMatch(/^\/tasks\/\d+$/);
  expect(await api.json('/deployments/web')).toEqual({ manifest: null });
  const { args, description } = await taskOf(answer);
  expect(description).toBe('create deployment');
  expect(args).toMatchObject({
    deployment: 'web',
    manifestText: 'name: web\nslow: 1',
    new: true,
    cloudConfigIds: [1],
    runtimeConfigIds: [2],
    options: { recreate: true, canaries: '2', skipDrain: 'web,db', maxInFlight: null, dryRun: false },
  });

  // While it runs it is locked, and the task list shows it.
  const locks = await waitFor(
    () => api.json<Lock[]>('/locks'),
    (found) => found.length > 0,
  );
  expect(Value.Errors(Lock, locks[0])).toEqual([]);
  expect(locks).toMatchObject([{ type: 'deployment', resource: ['web'], task_id: '1', timeout: /^\d+\.\d{6}$/ }]);
  expect(await api.json('/deployments')).toMatchObject([{ name: 'web', locked: true, cloud_config: 'none' }]);
  const running = await api.json<Task[]>('/tasks?state=processing,cancelling,queued&verbose=1');
  expect(Value.Errors(TaskList, running)).toEqual([]);
  expect(running).toMatchObject([{ id: 1, state: 'processing', timestamp: null, deployment: 'web', user: 'admin' }]);

  opened.open();
  await api.engine.idle();
  expect(await api.json('/deployments/web')).toEqual({ manifest: 'name: web\nslow: 1' });
  const list = await api.json('/deployments?exclude_lock=true&exclude_stemcells=true');
  expect(Value.Errors(DeploymentList, list)).toEqual([]);
  expect(list).toEqual([{ name: 'web', teams: [], cloud_config: 'latest', releases: [] }]);
  expect(await api.json('/deployment_configs?deployment%5B%5D=web')).toMatchObject([
    { deployment: 'web', config: { id: 1, type: 'cloud', name: 'default' } },
    { deployment: 'web', config: { id: 2, type: 'runtime', name: 'x' } },
  ]);

  await api.yaml('/cloud_configs', 'azs: [{name: z1}]');
  expect(await api.json('/deployments')).toMatchObject([{ cloud_config: 'outdated' }]);
});

test('a deploy that cannot be is refused before anything is made', async () => {
  const refusal = async (query: string, manifest: string) => (await api.yaml(`/deployments${query}`, manifest)).json();
  expect(await refusal('', '- a')).toMatchObject({ code: 440001 });
  expect(await refusal('', '')).toMatchObject({ code: 440001 });
  expect(await refusal('', 'a: [')).toMatchObject({ code: 440001, description: /line 1/ });
  expect(await refusal('', 'x: y')).toMatchObject({ code: 40001 });
  expect(await refusal('?recreate_vms_created_before=2030-01-01T00:00:00Z', 'name: x')).toMatchObject({ code: 40005 });
  expect(await refusal('?recreate=true&recreate_vms_created_before=x', 'name: x')).toMatchObject({ code: 40005 });
  expect(await refusal(`?context=${encodeURIComponent('{"cloud_config_ids":[7]}')}`, 'name: x')).toMatchObject({
    code: 190025,
  });
  expect(await api.json('/deployments')).toEqual([]);
  expect(await api.json('/tasks?verbose=2')).toEqual([]);
});

test('a change of state deploys the stored manifest with the configs of its last deploy', async () => {
  await api.yaml('/cloud_configs', 'azs: []');
  await api.ended(await api.yaml('/deployments', 'name: web'));
  await api.yaml('/cloud_configs', 'azs: [{name: z1}]');
  const put = (path: string, body = '') => api.yaml(path, body, { method: 'PUT' });
  const answer = await put('/deployments/web/jobs/web?state=stopped&skip_drain=true&max_in_flight=50%25');
  expect((await taskOf(answer)).args).toMatchObject({
    manifestText: 'name: web',
    cloudConfigIds: [1],
    new: false,
    stateChanges: [{ group: 'web', index: null, state: 'stopped' }],
    options: { skipDrain: 'web', maxInFlight: '50%' },
  });
  expect(await (await put('/deployments/web/jobs/web?state=sleeping')).json()).toMatchObject({ code: 40005 });
  expect(await (await put('/deployments/web/jobs/web/9?state=stopped')).json()).toMatchObject({ code: 70001 });
  expect(await (await put('/deployments/web/jobs/web/zz?state=stopped')).json()).toMatchObject({ code: 70002 });
  expect(await (await put('/deployments/nope/jobs/web?state=stopped')).json()).toMatchObject({ code: 70000 });
});

test('the output of a task is served by ranges, as clients follow it', async () => {
  const { id: number } = await api.ended(await api.yaml('/deployments', 'name: web'));
  const get = (range?: string, type = 'result') =>
    api.fetch(`/tasks/${number}/output?type=${type}`, range === undefined ? {} : { headers: { range } });
  expect(await (await get()).text()).toBe('some output');
  const rest = await get('bytes=5-');
  expect([rest.status, rest.headers.get('content-range'), await rest.text()]).toEqual([206, 'bytes 5-10/11', 'output']);
  const nothingNew = await get('bytes=11-');
  expect([nothingNew.status, nothingNew.headers.get('content-range')]).toEqual([416, 'bytes */11']);
  expect((await get(undefined, 'none')).status).toBe(204);
  expect((await get(undefined, 'cpi')).status).toBe(204); // never written
  expect(await (await get(undefined, 'event')).text()).toBe('');
  expect(await (await get(undefined, 'nonsense')).json()).toMatchObject({ code: 600000 });
  expect(await api.json('/tasks/99')).toEqual({ code: 10000, description: 'Task 99 not found' });
});

test('an output of megabytes arrives whole, through a reader that takes its time', async () => {
  const waiting = await givenApi({ started: false });
  const task = await waiting.store.tasks.create(newTask('x'), 0);
  const piece = Buffer.from(`${'x'.repeat(1023)}\n`.repeat(1024));
  for (let i = 0; i < 8; i++) await waiting.store.tasks.appendOutput(task.id, 'debug', piece);
  const body = (await waiting.fetch(`/tasks/${task.id}/output?type=debug`)).body;
  let bytes = 0;
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) bytes += chunk.length; // fetch's type hides it
  expect(bytes).toBe(8 * 1024 * 1024);
  await waiting.close();
});

test('a running task is cancelled by DELETE /task, an ended one is not', async () => {
  const answer = await api.yaml('/deployments', 'name: web\nslow: 1');
  const { id: number } = await taskOf(answer);
  await waitFor(
    () => api.json<Lock[]>('/locks'),
    (found) => found.length > 0,
  );
  expect((await api.fetch(`/task/${number}`, { method: 'DELETE' })).status).toBe(204);
  expect(await api.ended(answer)).toMatchObject({ state: 'cancelled', events: [{ error: { code: 10001 } }] });
  const again = await api.fetch(`/task/${number}`, { method: 'DELETE' });
  expect([again.status, await again.text()]).toEqual([400, `Cannot cancel task ${number}: invalid state (cancelled)`]);
});

test('tasks that wait are cancelled together', async () => {
  const waiting = await givenApi({ started: false });
  await waiting.yaml('/deployments', 'name: a');
  await waiting.yaml('/deployments', 'name: b');
  expect((await waiting.post('/tasks/cancel', { states: ['done'] })).status).toBe(400);
  expect((await waiting.post('/tasks/cancel', { deployment: 'a' })).status).toBe(204);
  expect(await waiting.json('/tasks')).toMatchObject([
    { deployment: 'b', state: 'queued' },
    { deployment: 'a', state: 'cancelled' },
  ]);
  await waiting.close();
});

test('a team sees and changes what is its own, and nothing of another', async () => {
  await api.ended(await api.yaml('/deployments', 'name: mine', { user: dev }));
  await api.ended(await api.yaml('/deployments', 'name: global'));
  expect(await api.json('/deployments', { user: dev })).toMatchObject([{ name: 'mine', teams: ['dev'] }]);
  expect(await api.json('/deployments', { user: ops })).toEqual([]);
  expect(await api.json('/tasks', { user: dev })).toMatchObject([{ deployment: 'mine' }]);
  expect(await api.json('/tasks', { user: ops })).toEqual([]);
  expect((await api.fetch('/tasks/1/output?type=debug', { user: dev })).status).toBe(200);
  expect((await api.fetch('/tasks/1/output?type=debug', { user: reader })).status).toBe(401);
  expect((await api.fetch('/tasks/1/output?type=result', { user: reader })).status).toBe(200);
  expect((await api.yaml('/deployments', 'name: mine', { user: ops })).status).toBe(401);
  expect((await api.fetch('/deployments/global', { user: dev })).status).toBe(401);
  expect((await api.fetch('/deployments/nope', { user: dev })).status).toBe(404); // not there comes first, as in BOSH
});

const newConfig = { type: 'cloud', name: 'default', content: 'azs: []' };

test('a config gets a new version only when it changed, and only over the one that its author saw', async () => {
  const first = await api.post('/configs', { ...newConfig, expected_latest_id: '0' });
  expect(first.status).toBe(201);
  const config = (await first.json()) as Config;
  expect(Value.Errors(Config, config)).toEqual([]);
  expect(config).toMatchObject({
    id: '1',
    team: null,
    current: true,
    created_at: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/,
  });
  expect(await (await api.post('/configs', newConfig)).json()).toMatchObject({ id: '1' });
  const changed = { ...newConfig, content: 'azs: [{name: z1}]' };
  const outdated = await api.post('/configs', { ...changed, expected_latest_id: '0' });
  expect(outdated.status).toBe(412);
  expect(await outdated.json()).toMatchObject({ latest_id: '1', expected_latest_id: '0' });
  expect(await (await api.post('/configs', { ...changed, expected_latest_id: '1' })).json()).toMatchObject({ id: '2' });

  const all = await api.json<Config[]>('/configs?type=cloud&limit=5');
  expect(all.map(({ id, current }) => [id, current])).toEqual([
    ['2', true],
    ['1', false],
  ]);
  expect(await api.json('/configs')).toMatchObject([{ id: '2' }]);
  expect(await api.json('/configs?limit=0')).toMatchObject({ code: 440010 });
  expect(await api.json('/configs/9')).toMatchObject({ code: 440012, description: 'Config 9 not found' });
  expect((await api.fetch('/configs?type=cloud&name=default', { method: 'DELETE' })).status).toBe(204);
  expect((await api.fetch('/configs?type=cloud&name=default', { method: 'DELETE' })).status).toBe(404);
  expect(await api.json('/configs/2')).toMatchObject({ code: 440012 });
});

test('versions of releases in a runtime config are text, whatever they were written as', async () => {
  const content = 'releases:\n- {name: a, version: 1.0}\n- {name: b, version: 2}\n';
  const config = (await (await api.post('/configs', { type: 'runtime', name: 'x', content })).json()) as Config;
  expect(config.content).toMatch(/version: ["']1.0["']/);
  expect(config.content).toMatch(/version: ["']2["']/);
});

test('configs are compared by id, by content, and with the current one', async () => {
  await api.post('/configs', { ...newConfig, content: 'a: 1' });
  await api.post('/configs', { ...newConfig, content: 'a: 2' });
  const expected = [
    ['a: 1', 'removed'],
    ['', null],
    ['a: 2', 'added'],
  ];
  const diff = async (body: unknown) => (await (await api.post('/configs/diff', body)).json()) as ConfigDiff;
  // The CLI sends both keys; the empty one does not count.
  expect((await diff({ from: { id: '1', content: '' }, to: { id: '2', content: '' } })).diff).toEqual(expected);
  expect((await diff({ from: { id: '', content: 'a: 1' }, to: { id: '2', content: '' } })).diff).toEqual(expected);
  expect(await diff({ ...newConfig, content: 'a: 2' })).toEqual({ from: { id: '2' }, diff: [] });
  expect(await diff({ ...newConfig, name: 'new', content: 'a: 1' })).toMatchObject({ from: { id: '0' } });
  expect(await diff({ from: { id: '7' }, to: { content: 'a: 1' } })).toMatchObject({ code: 440012 });
  expect(await diff({ what: 'ever' })).toMatchObject({ code: 440010 });
  const broken = await api.post('/configs/diff', { ...newConfig, content: '- x' });
  expect([broken.status, await broken.json()]).toMatchObject([400, { diff: [], error: /YAML hash expected/ }]);
});

test('a team has configs of its own, and leaves those of nobody alone', async () => {
  await api.post('/configs', newConfig);
  expect((await api.post('/configs', { ...newConfig, content: 'a: 1' }, { user: dev })).status).toBe(401);
  const own = await api.post('/configs', { ...newConfig, name: 'dev' }, { user: dev });
  expect(await own.json()).toMatchObject({ team: 'dev', name: 'dev' });
  expect(await api.json('/configs', { user: ops })).toEqual([]);
  expect(await api.json('/configs', { user: dev })).toMatchObject([{ name: 'dev' }]);
});

test('the older paths of configs: a limit is required, diffs of runtime configs hide secrets', async () => {
  expect(await (await api.fetch('/cloud_configs')).text()).toBe('limit is required');
  expect(await (await api.fetch('/cloud_configs?limit=x')).text()).toBe("limit is invalid: 'x' is not an integer");
  expect((await api.yaml('/cloud_configs?name=', 'azs: []')).status).toBe(201);
  expect(await api.json('/cloud_configs?limit=1')).toMatchObject([{ properties: 'azs: []', created_at: /UTC$/ }]);
  const addons = 'addons: [{name: a, jobs: [{name: j, release: r, properties: {password: s3cret}}]}]';
  const shown = async (query: string) =>
    JSON.stringify(await (await api.yaml(`/runtime_configs/diff${query}`, addons)).json());
  expect(await shown('')).not.toContain('s3cret');
  expect(await shown('?redact=false')).toContain('s3cret');
  expect(await api.json('/cpi_configs?limit=1', { user: reader })).toMatchObject({ code: 600000 });
});

test('what a deploy would change is shown before, with the configs that were looked at', async () => {
  await api.yaml('/cloud_configs', 'azs: [{name: z1}]');
  await api.yaml(
    '/runtime_configs',
    'releases: [{name: r, version: 1}]\naddons: [{name: a, jobs: [{name: j, release: r}]}]',
  );
  const manifest = 'name: web\ninstance_groups:\n- {name: web, jobs: [], properties: {secret: s3cret}}\n';
  const before = (await (await api.yaml('/deployments/web/diff', manifest)).json()) as DeploymentDiff;
  expect(Value.Errors(DeploymentDiff, before)).toEqual([]);
  expect(before.context).toEqual({ cloud_config_ids: [1], runtime_config_ids: [2] });
  expect(before.diff).toContainEqual(['- name: z1', 'added']);
  expect(before.diff).toContainEqual(['- name: a', 'added']);
  expect(JSON.stringify(before)).not.toContain('s3cret');

  await api.ended(
    await api.yaml(`/deployments?context=${encodeURIComponent(JSON.stringify(before.context))}`, manifest),
  );
  expect(await (await api.yaml('/deployments/web/diff', manifest)).json()).toMatchObject({ diff: [] });
  const changed = (await (await api.yaml('/deployments/web/diff', `${manifest}x: 1\n`)).json()) as DeploymentDiff;
  expect(changed.diff).toContainEqual(['x: 1', 'added']);
  const broken = await api.yaml('/deployments/web/diff', 'a: [');
  expect([broken.status, await broken.json()]).toMatchObject([200, { diff: [], error: /^Unable to diff manifest/ }]);
});

test('events tell who changed what, newest first, and can be asked for by kind and time', async () => {
  await api.yaml('/cloud_configs', 'azs: []');
  await api.yaml('/cloud_configs', '- broken');
  await api.post('/events', { action: 'create', object_type: 'alert', object_name: 'x', timestamp: 1_000_000_000 });
  expect(await api.json('/events')).toMatchObject([
    { id: '3', object_type: 'alert', timestamp: 1_000_000_000, user: 'admin' },
    { id: '2', action: 'update', object_type: 'cloud-config', object_name: 'default', error: /hash/ },
    { id: '1', action: 'update', object_type: 'cloud-config' },
  ]);
  expect(await api.json('/events?object_type=alert')).toHaveLength(1);
  expect(await api.json('/events?before_id=2')).toMatchObject([{ id: '1' }]);
  expect(await api.json('/events?before_time=2001-09-09+01:46:41+UTC')).toMatchObject([{ id: '3' }]);
  expect(await api.json('/events?after_time=1000000000&object_type=alert')).toEqual([]); // exclusive
  expect(await (await api.fetch('/events?before_time=soon')).text()).toBe("Invalid before parameter: 'soon' ");
  expect(await api.json('/events/1')).toMatchObject({ id: '1' });
  expect(await (await api.fetch('/events/9')).text()).toBe('Event not found');
  expect(await (await api.post('/events', { action: 'x' })).json()).toMatchObject({ code: 40001 });
});

test('resurrection can be paused for everything', async () => {
  expect(await api.json('/resurrection')).toEqual({ resurrection: true });
  await api.post('/resurrection', { resurrection_paused: true }, { method: 'PUT' });
  expect(await api.json('/resurrection')).toEqual({ resurrection: false });
});

test('deployments of names that need escaping are found by them', async () => {
  await api.store.deployments.create(id<DeploymentName>('a b/c'), [], 0);
  expect(await api.json(`/deployments/${encodeURIComponent('a b/c')}`)).toEqual({ manifest: null });
});

async function waitFor<T>(ask: () => Promise<T>, done: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await ask();
    if (done(value)) return value;
  }
}
