import { afterEach, beforeEach, expect, test } from 'vitest';
import { id } from '../../common/ids.ts';
import { CpiOutcomeUnknown } from '../../cpi/errors.ts';
import type { UpdateInstanceArgs } from '../../director/api/deploy-args.ts';
import { cloudConfigOf, givenDirector, webTier } from '../support/given-director.ts';

let director: Awaited<ReturnType<typeof givenDirector>>;

beforeEach(async () => {
  director = await givenDirector();
  await director.upload();
  await director.uploadStemcell();
  await director.cloudConfig(cloudConfigOf());
  expect(await director.deploy(webTier({ instances: 2, disk: true }))).toMatchObject({ state: 'done' });
});

afterEach(() => director.close());

const instances = () => director.store.instances.ofDeployment('web');

async function act(action: UpdateInstanceArgs['action'], more: Partial<UpdateInstanceArgs> = {}) {
  const [first] = await instances();
  const args: UpdateInstanceArgs = {
    deployment: 'web',
    instanceId: first?.id ?? '',
    action,
    hard: false,
    skipDrain: false,
    ignoreUnresponsiveAgent: false,
    ...more,
  };
  const task = await director.engine.enqueue({
    type: 'update_instance',
    description: `${action} instance`,
    lane: 'normal',
    args,
    user: 'admin',
    deployment: id('web'),
    contextId: '',
    teams: [],
  });
  return director.ended(task);
}

const told = (events: string) =>
  [...events.matchAll(/"task":"([^"]+)","index":\d+,"state":"finished"/g)].map(([, task]) => task);

test('one instance is stopped and started as it was; the other never hears of it', async () => {
  const [first, other] = await instances();
  const stopped = await act('stop');
  expect(stopped).toMatchObject({ state: 'done', result: `web/${first?.id}` });
  expect(told(stopped.events)).toEqual(['Stopping instance']);
  expect((await instances()).map(({ state }) => state)).toEqual(['stopped', 'started']);
  expect(told((await act('stop')).events)).toEqual([]); // stopped already

  const started = await act('start');
  expect(told(started.events)).toEqual(['Starting instance']);
  const [now, untouched] = await instances();
  expect(now).toMatchObject({ state: 'started', updateCompleted: true, spec: first?.spec });
  expect(now?.vms).toEqual(first?.vms);
  expect(untouched).toEqual(other);
  const again = await director.deploy(webTier({ instances: 2, disk: true }));
  expect(again.events).not.toContain('Updating instance');
});

test('a hard stop deletes the VM and keeps the disk, which the start attaches to the new one', async () => {
  const [first] = await instances();
  const stopped = await act('stop', { hard: true });
  expect(told(stopped.events)).toEqual(['Stopping instance', 'Deleting VM']);
  expect((await instances())[0]).toMatchObject({ state: 'detached', vms: [], disks: [{ active: true }] });
  expect(director.cpi.inventory().vms).toHaveLength(1);

  const started = await act('start');
  expect(started).toMatchObject({ state: 'done' });
  expect(told(started.events)).toEqual(['Creating VM', 'Starting instance']);
  const [now] = await instances();
  expect(now?.vms[0]?.cid).not.toBe(first?.vms[0]?.cid);
  expect(now?.disks).toEqual(first?.disks);
  expect(now?.ips).toEqual(first?.ips);
});

test('a recreate is told as one, with its stop and start', async () => {
  const [first] = await instances();
  expect(await act('restart', { hard: true })).toMatchObject({ state: 'done' });
  const [now] = await instances();
  expect(now?.vms[0]?.cid).not.toBe(first?.vms[0]?.cid);
  const events = await director.store.events.list({});
  const actions = events.filter(({ objectType }) => objectType === 'instance').map(({ action }) => action);
  for (const action of ['recreate', 'stop', 'start']) expect(actions.filter((each) => each === action)).toHaveLength(2);
});

test('what fails on the way is done by the same command again', async () => {
  const [first] = await instances();
  director.machines.agent(first?.vms[0]?.cid ?? id('none'))?.faults.failOnce('drain', 'before');
  expect(await act('restart', { hard: true })).toMatchObject({ state: 'error' });
  director.cpi.faults.failOnce('createVm', 'after');
  expect(await act('restart', { hard: true })).toMatchObject({ state: 'error' });
  expect((await instances())[0]).toMatchObject({ state: 'detached' });
  expect(await act('restart', { hard: true })).toMatchObject({ state: 'done' });
  expect((await instances())[0]).toMatchObject({ state: 'started', updateCompleted: true });
  expect(director.cpi.inventory().vms).toHaveLength(2); // the VM whose making was not answered is the one in use
});

test('ignored instances are refused', async () => {
  const [first] = await instances();
  await director.store.instances.update(first?.id ?? id(''), { ignore: true });
  expect(await act('stop')).toMatchObject({ state: 'error', result: expect.stringContaining('is ignored') });
  expect(await director.delete('web')).toMatchObject({ state: 'error', result: expect.stringContaining('ignored') });
});

test('a state that is asked for an ignored instance alone is refused; one for its whole group leaves it out', async () => {
  const [first, second] = await instances();
  if (first === undefined || second === undefined) throw new Error('two were deployed');
  await director.store.instances.update(first.id, { ignore: true });
  const manifest = webTier({ instances: 2, disk: true });
  const stop = (index: number | null) => director.deploy(manifest, {}, [{ group: 'web', index, state: 'stopped' }]);
  expect(await stop(first.index)).toMatchObject({ state: 'error', result: expect.stringContaining('is ignored') });
  expect(await stop(null)).toMatchObject({ state: 'done' });
  expect((await instances()).map(({ state }) => state)).toEqual(['started', 'stopped']);
});

test('its VM was given up and may live on: it is not made anew at the same address', async () => {
  const [first] = await instances();
  const was = first?.ips[0]?.address;
  await act('stop', { hard: true });
  const never = new CpiOutcomeUnknown('the program was killed', { final: true });
  director.cpi.faults.failOnce('createVm', 'before', never);
  expect(await act('start')).toMatchObject({ state: 'error', result: 'the program was killed' });
  expect(await act('start')).toMatchObject({
    state: 'error',
    result: expect.stringContaining(`may live on at ${was}`),
  });

  const start = [{ group: 'web', index: first?.index ?? 0, state: 'started' as const }];
  expect(await director.deploy(webTier({ instances: 2, disk: true }), {}, start)).toMatchObject({ state: 'done' });
  const now = (await instances()).find((instance) => instance.id === first?.id);
  expect(now).toMatchObject({ state: 'started', vms: [{ active: true }] });
  expect(now?.ips).toHaveLength(1);
  expect(now?.ips[0]?.address).not.toBe(was);
});

test('started while its data moves to a larger disk, it runs on the old one, which has all of it', async () => {
  const [first] = await instances();
  const [vm] = first?.vms ?? [];
  const machine = vm?.cid == null ? undefined : director.machines.agent(vm.cid);
  machine?.faults.failOnce('migrate_disk', 'after');
  await director.cloudConfig(cloudConfigOf().replace('disk_size: 1024', 'disk_size: 2048'));
  expect(await director.deploy(webTier({ instances: 2, disk: true }))).toMatchObject({ state: 'error' });
  const [half] = await instances();
  const [fresh] = half?.disks.filter(({ active }) => !active) ?? [];
  expect(machine?.state.mounts.store).toBe(fresh?.cid);

  expect(await act('start', { instanceId: first?.id ?? '' })).toMatchObject({ state: 'done' });
  const old = first?.disks[0]?.cid ?? '';
  expect(machine?.state.mounts).toEqual({ store: old, migrationTarget: null });
  expect(director.machines.diskMarks.on(old)).toHaveLength(2);
  expect((await instances()).find(({ id: one }) => one === first?.id)?.disks).toMatchObject([{ cid: old }]);

  // The disk that was half of a change has missed what was written since, and is not used for the next one.
  expect(await director.deploy(webTier({ instances: 2, disk: true }))).toMatchObject({ state: 'done' });
  const now = machine?.state.mounts.store ?? '';
  expect(now).not.toBe(fresh?.cid);
  expect(director.machines.diskMarks.on(now)).toHaveLength(3);
});

test('a VM that was only half made by a start that failed is finished by the next one, with its disk', async () => {
  await act('stop', { hard: true });
  director.cpi.faults.failOnce('attachDisk', 'before');
  expect(await act('start')).toMatchObject({ state: 'error' });

  expect(await act('start')).toMatchObject({ state: 'done' });
  const [instance] = await instances();
  const cid = instance?.vms[0]?.cid;
  const machine = cid == null ? undefined : director.machines.agent(cid)?.state;
  expect(machine).toMatchObject({ jobState: 'started', mounts: { store: instance?.disks[0]?.cid } });
  expect(instance).toMatchObject({ state: 'started', updateCompleted: true });
});

test('a start whose director died before the jobs were started is gone on with, not taken for done', async () => {
  const [instance] = await instances();
  const cid = instance?.vms[0]?.cid;
  const agent = cid == null ? undefined : director.machines.agent(cid);
  if (instance === undefined || agent === undefined) throw new Error('two were deployed');
  // On record as it is then; its machine has no jobs yet, and calls that running.
  await director.store.instances.update(instance.id, { state: 'started', updateCompleted: false });
  Object.assign(agent.state, { jobState: 'blank', specJson: null, jobs: [] });

  expect(await act('start')).toMatchObject({ state: 'done' });
  expect(agent.state).toMatchObject({ jobState: 'started', jobs: ['web'] });
  expect((await instances())[0]).toMatchObject({ state: 'started', updateCompleted: true });
});
