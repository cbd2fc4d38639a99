import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunErrandArgs } from '../../director/api/deploy-args.ts';
import { errandsOf } from '../../director/errands/list-errands.ts';
import { enqueueErrand, resultsIn, toolsManifest, uploadTools, type Group } from '../support/errands.ts';
import { cloudConfigOf, givenDirector } from '../support/given-director.ts';

let director: Awaited<ReturnType<typeof givenDirector>>;

beforeEach(async () => {
  director = await givenDirector();
  await uploadTools(director);
  await director.uploadStemcell();
  await director.cloudConfig(cloudConfigOf());
});

afterEach(() => director.close());

const smoke: Group = { name: 'smoke-tests', lifecycle: 'errand' };
const web = (more: Partial<Group> = {}): Group => ({ name: 'web', jobs: ['plain', 'smoke'], ...more });

async function deployed(...groups: Group[]): Promise<void> {
  expect(await director.deploy(toolsManifest(groups))).toMatchObject({ state: 'done' });
}

async function run(errand: string, more: Partial<RunErrandArgs> = {}) {
  const ended = await director.ended(await enqueueErrand(director.engine, errand, more));
  return { ...ended, results: resultsIn(ended.plan) };
}

const instances = (group?: string) =>
  director.store.instances
    .ofDeployment('tools')
    .then((all) => all.filter((instance) => group === undefined || instance.group === group));
const vms = () => director.cpi.inventory().vms;
const agentOf = async (group: string, index = 0) => {
  const cid = (await instances(group)).find((instance) => instance.index === index)?.vms[0]?.cid;
  const agent = cid == null ? undefined : director.machines.agent(cid);
  if (agent === undefined) throw new Error(`${group}/${index} has no machine`);
  return agent;
};
const finished = (events: string) =>
  [...events.matchAll(/"stage":"([^"]+)".*?"task":"([^"]+)".*?"state":"finished"/g)].map(([, stage]) => stage);

test('groups of errands and jobs that can run are listed, each once', async () => {
  await deployed(smoke, web(), { name: 'smoke', lifecycle: 'errand', jobs: ['smoke'] });
  const deployment = await director.store.deployments.get('tools');
  if (deployment === undefined) throw new Error('it was deployed');
  expect(await errandsOf(deployment, director.store, director)).toEqual(['smoke-tests', 'smoke']);
});

test('a group of errands gets its machine for the run, and none before or after', async () => {
  await deployed({ ...smoke, disk: true });
  expect(vms()).toEqual([]);
  const [row] = await instances();

  const ran = await run('smoke-tests');
  expect(ran).toMatchObject({ state: 'done', result: '1 succeeded, 0 errored, 0 canceled' });
  expect(ran.results).toMatchObject([
    {
      instance: { group: 'smoke-tests', id: row?.id },
      errand_name: 'smoke-tests',
      exit_code: 0,
      stdout: expect.stringContaining('simulated'),
      stderr: '',
      logs: { blobstore_id: expect.any(String), sha1: expect.stringContaining('sha') },
    },
  ]);
  expect(finished(ran.events)).toEqual([
    'Preparing package compilation',
    'Preparing deployment',
    'Creating missing vms',
    'Updating instance',
    'Running errand',
    `Fetching logs for smoke-tests/${row?.id} (0)`,
  ]);
  expect(vms()).toEqual([]);
  const [after] = await instances();
  expect(after).toMatchObject({
    id: row?.id,
    vms: [],
    ips: row?.ips,
    updateCompleted: true,
    disks: [{ active: true }],
  });
  expect(await director.store.events.list({ objectType: 'errand' })).toMatchObject([
    { action: 'run', objectName: 'smoke-tests', context: { exit_code: 0 }, instance: `smoke-tests/${row?.id} (0)` },
    { action: 'run', objectName: 'smoke-tests', context: {} },
  ]);
});

test('kept alive, its machine is used by the next run, and deleted by one that does not keep it', async () => {
  await deployed(smoke);
  await run('smoke-tests', { keepAlive: true });
  const [kept] = vms();
  expect(kept).toBeDefined();
  const again = await run('smoke-tests', { keepAlive: true });
  expect(finished(again.events)).not.toContain('Creating missing vms');
  expect(finished(again.events)).not.toContain('Updating instance');
  expect(vms().map(({ cid }) => cid)).toEqual([kept?.cid]);
  await run('smoke-tests');
  expect(vms()).toEqual([]);
});

test('what it exits with is a result: the machine goes, and so it does where it was cancelled by a signal', async () => {
  await deployed(smoke);
  await run('smoke-tests', { keepAlive: true });
  (await agentOf('smoke-tests')).jobs.errandEnds({ exitCode: 23, stdout: 'some output', stderr: 'some error' });
  const failed = await run('smoke-tests', { keepAlive: true });
  expect(failed).toMatchObject({ state: 'done', result: '0 succeeded, 1 errored, 0 canceled' });
  expect(failed.results).toMatchObject([{ exit_code: 23, stdout: 'some output', stderr: 'some error' }]);
  (await agentOf('smoke-tests')).jobs.errandEnds({ exitCode: 137 });
  expect(await run('smoke-tests')).toMatchObject({ state: 'done', result: '0 succeeded, 0 errored, 1 canceled' });
  expect(vms()).toEqual([]);
});

test('cancelled, the agent is told, its result is kept, and the machine is deleted all the same', async () => {
  await deployed(smoke);
  await run('smoke-tests', { keepAlive: true });
  (await agentOf('smoke-tests')).faults.delay('run_errand', 3_600_000);
  const task = await enqueueErrand(director.engine, 'smoke-tests');
  await expect.poll(() => director.output(task, 'event')).toContain('"stage":"Running errand"');
  await expect.poll(() => director.store.errands.startsOf(task.id)).toHaveLength(1);
  expect(await director.engine.cancel(task.id)).toBe(true);
  const ended = await director.ended(task);
  expect(ended).toMatchObject({ state: 'cancelled' });
  expect(resultsIn(ended.plan)).toMatchObject([{ exit_code: 143, logs: { blobstore_id: expect.any(String) } }]);
  expect(ended.events).toContain(`"error":{"code":10001,"message":"Task ${task.id} cancelled"}`);
  expect(vms()).toEqual([]);
  const [, , started] = await director.store.events.list({ objectType: 'errand' });
  expect(started).toMatchObject({ action: 'run' });
});

test('an errand may run on instances that are there: on all that have its job, or those that were asked for', async () => {
  await deployed(
    web({ instances: 3 }),
    { name: 'db', instances: 2, jobs: ['smoke'] },
    { name: 'other', jobs: ['plain'] },
  );
  const before = vms().map(({ cid }) => cid);
  const ran = await run('smoke');
  expect(ran).toMatchObject({ state: 'done', result: '5 succeeded, 0 errored, 0 canceled' });
  expect(ran.events.split('Executing errand on multiple instances in parallel.')).toHaveLength(3);
  expect(vms().map(({ cid }) => cid)).toEqual(before);

  const where = async (...asked: RunErrandArgs['instances'][number][]) =>
    (await run('smoke', { instances: asked })).results.map(({ instance: { group, id } }) => `${group}/${id}`).sort();
  const [first, second, third] = await instances('web');
  const [db] = await instances('db');
  expect(await where({ group: 'db', id: '0' }, { group: 'web', id: second?.id ?? '' })).toEqual(
    [`db/${db?.id}`, `web/${second?.id}`].sort(),
  );
  const lowest = [first, second, third].map((one) => one?.id ?? '').sort()[0];
  expect(await where({ group: 'web', id: 'first' })).toEqual([`web/${lowest}`]);
  expect(await where({ group: 'web', id: 2 })).toEqual([`web/${third?.id}`]);
  expect(await where({ group: 'web' })).toHaveLength(3);

  const one = await run('smoke', { instances: [{ group: 'web', id: 'first' }] });
  expect(one.events).not.toContain('in parallel');
});

test('a job that is on services and in a group of errands runs on all of them', async () => {
  await deployed(smoke, web({ instances: 2 }));
  const ran = await run('smoke');
  expect(ran.results.map(({ instance }) => instance.group)).toEqual(['smoke-tests', 'web', 'web']);
  expect(vms()).toHaveLength(2);
});

test('where a machine of an errand can not be had, it runs nowhere', async () => {
  await deployed(smoke, web());
  director.cpi.faults.failOnce('createVm', 'before');
  const ran = await run('smoke');
  expect(ran).toMatchObject({ state: 'error', plan: '' });
  expect(ran.events).not.toContain('Running errand');
  expect(vms()).toHaveLength(1);
});

test('only one of a group of errands runs it, the bootstrap, though all get their machines', async () => {
  await deployed({ ...smoke, instances: 3 });
  const ran = await run('smoke-tests', { keepAlive: true });
  expect(ran.results).toHaveLength(1);
  expect(vms()).toHaveLength(3);
  const target = (await instances()).find(({ bootstrap }) => bootstrap);
  expect(ran.results[0]?.instance.id).toBe(target?.id);
  expect(await run('smoke', { instances: [{ group: 'smoke-tests', id: 1 }] })).toMatchObject({
    result: '0 succeeded, 0 errored, 0 canceled',
  });
});

test.each([
  ['bogus', [], 70009, "Errand 'bogus' doesn't exist"],
  [
    'web',
    [],
    510000,
    "Instance group 'web' is not an errand. To mark an instance group as an errand set its lifecycle",
  ],
  [
    'smoke-tests',
    [{ group: 'web' }],
    510000,
    'Filtering by instances is not supported when running errand by instance',
  ],
  [
    'smoke',
    [{ group: 'web', id: '9' }],
    100,
    'No instances match selection criteria: [{"group" => "web", "id" => "9"}]',
  ],
])('%s on %j is refused with BOSH number %i', async (errand, asked, code, message) => {
  await deployed(smoke, web());
  const ran = await run(errand, { instances: asked });
  expect(ran).toMatchObject({ state: 'error', plan: '' });
  expect(ran.events).toContain(JSON.stringify({ code, message }).slice(0, -2).replace(/"$/, ''));
  expect(vms()).toHaveLength(1);
});

test('a name that is a job and a group is the job, with a warning', async () => {
  await deployed({ name: 'smoke', lifecycle: 'errand', jobs: ['plain'] }, web());
  const ran = await run('smoke');
  expect(ran.results.map(({ instance }) => instance.group)).toEqual(['web']);
  expect(ran.events).toContain("Ambiguous request: the requested errand name 'smoke' matches both a job name and an");
});

test('a stopped instance is refused; one without a VM is passed over; a silent one matters only where it is asked for', async () => {
  await deployed(web({ instances: 3 }));
  const manifest = toolsManifest([web({ instances: 3 })]);
  await director.deploy(manifest, {}, [{ group: 'web', index: 0, state: 'stopped' }]);
  const refused = await run('smoke');
  const [first] = await instances('web');
  expect(refused).toMatchObject({ state: 'error', result: expect.stringContaining(`'web/${first?.id}' is stopped`) });
  expect(refused.events).toContain('"code":510000');

  await director.deploy(manifest, {}, [{ group: 'web', index: 0, state: 'detached' }]);
  const ran = await run('smoke');
  expect(ran).toMatchObject({ state: 'done', result: '2 succeeded, 0 errored, 0 canceled' });
  expect(ran.events).toContain(`Skipping instance: web/${first?.id} (0) no matching VM reference was found`);

  (await agentOf('web', 1)).faults.failAlways('get_state');
  expect(await run('smoke', { instances: [{ group: 'web', id: '2' }] })).toMatchObject({ state: 'done' });
  const silent = await run('smoke', { instances: [{ group: 'web', id: '1' }] });
  expect(silent).toMatchObject({ state: 'error', plan: '' });
  expect(silent.events).toContain('"code":450002');
});

test('one that was stopped hard runs when its errand is asked for', async () => {
  await deployed(smoke);
  await run('smoke-tests', { keepAlive: true });
  await director.deploy(toolsManifest([smoke]), {}, [{ group: 'smoke-tests', index: null, state: 'detached' }]);
  expect(vms()).toEqual([]);
  expect(await run('smoke-tests', { keepAlive: true })).toMatchObject({ state: 'done' });
  expect(vms()).toHaveLength(1);
});

test('when nothing has changed since it succeeded on the same instances it can be passed over', async () => {
  await deployed(smoke, web({ instances: 2 }));
  const whenChanged = { whenChanged: true };
  const skipped = { state: 'done', result: 'skipped - no changes detected', plan: '' };
  expect(await run('smoke', whenChanged)).toMatchObject({ result: '3 succeeded, 0 errored, 0 canceled' });
  expect(await run('smoke', whenChanged)).toMatchObject(skipped);
  expect(await run('smoke-tests', whenChanged)).toMatchObject({ result: '1 succeeded, 0 errored, 0 canceled' });
  expect(await run('smoke-tests', whenChanged)).toMatchObject(skipped);

  const some = { ...whenChanged, instances: [{ group: 'web', id: '0' }] };
  expect(await run('smoke', some)).toMatchObject({ result: '1 succeeded, 0 errored, 0 canceled' });
  expect(await run('smoke', some)).toMatchObject(skipped);
  await deployed(smoke, web({ instances: 2, say: 'good morning' }));
  expect(await run('smoke', some)).toMatchObject({ result: '1 succeeded, 0 errored, 0 canceled' });

  (await agentOf('web', 0)).jobs.errandEnds({ exitCode: 1 });
  expect(await run('smoke', { instances: some.instances })).toMatchObject({
    result: '0 succeeded, 1 errored, 0 canceled',
  });
  expect(await run('smoke', some)).toMatchObject({ result: '0 succeeded, 1 errored, 0 canceled' });
  (await agentOf('web', 0)).jobs.heal();
  expect(await run('smoke', some)).toMatchObject({ result: '1 succeeded, 0 errored, 0 canceled' });
  expect(await run('smoke', some)).toMatchObject(skipped);
  expect(await run('smoke')).toMatchObject({ result: '3 succeeded, 0 errored, 0 canceled' });
});

test('logs that can not be fetched fail the run, after what it said is told', async () => {
  await deployed(web());
  (await agentOf('web')).faults.failOnce('fetch_logs');
  const ran = await run('smoke');
  expect(ran).toMatchObject({ state: 'error', result: expect.stringContaining('fetch_logs') });
  expect(ran.results).toMatchObject([{ exit_code: 0, logs: { blobstore_id: null, sha1: null } }]);
});

test('errand groups follow their AZ, and those that are scaled away leave nothing', async () => {
  await deployed({ ...smoke, instances: 5 });
  await run('smoke-tests', { keepAlive: true });
  await deployed({ ...smoke, instances: 5, azs: ['z2'] });
  expect((await instances()).map(({ az }) => az)).toEqual(['z2', 'z2', 'z2', 'z2', 'z2']);
  expect(vms()).toEqual([]);
  await deployed({ ...smoke, azs: ['z2'] });
  expect(await instances()).toHaveLength(1);
});
