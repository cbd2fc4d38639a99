import { afterEach, beforeEach, expect, test } from 'vitest';
import { id } from '../../common/ids.ts';
import { CpiError } from '../../cpi/errors.ts';
import { systemClock } from '../../common/clock.ts';
import { violations } from '../simulate/invariants.ts';
import {
  cloudConfigOf,
  enqueueDeploy,
  givenDirector,
  uploadCloudConfig,
  uploadRelease,
  uploadStemcell,
  webTier,
} from '../support/given-director.ts';
import { killedAtEachMoment } from '../support/killed-at-each-moment.ts';
import { newTask } from '../support/task-world.ts';

let director: Awaited<ReturnType<typeof givenDirector>>;
beforeEach(async () => {
  director = await givenDirector({ snapshots: true });
  await director.upload();
  await director.uploadStemcell();
  await director.cloudConfig(cloudConfigOf());
  await director.deploy(webTier({ instances: 2, disk: true }));
});
afterEach(async () => {
  expect(await violations({ ...director, clock: systemClock })).toEqual([]);
  await director.close();
});

const run = async (type: string, args: unknown) =>
  director.ended(await director.engine.enqueue(newTask(type, { args })));
const ofDeployment = () => director.store.snapshots.ofDeployment('web');
const there = () => director.cpi.inventory().snapshots;

test('before an instance is changed, and after its jobs are stopped, its disks are snapshotted: clean, and planned', async () => {
  const wanted = webTier({ instances: 2, disk: true, port: 81 });
  expect((await director.deploy(wanted, { dryRun: true })).plan).toMatch(
    /"stop \(drain: update, then keep-vm\)", *"snapshot"/,
  );
  const { debug } = await director.deploy(wanted);
  expect(debug).toMatch(/: snapshot/);
  expect(await ofDeployment()).toMatchObject([
    { clean: true, index: 0 },
    { clean: true, index: 1 },
  ]);
  const [instance] = await director.store.instances.ofDeployment('web');
  expect(there().find(({ diskCid }) => diskCid === instance?.disks[0]?.cid)?.metadata).toEqual({
    deployment: 'web',
    job: 'web',
    index: 0,
    director_name: 'test',
    director_uuid: 'uuid-of-test',
    agent_id: instance?.vms[0]?.agentId,
    instance_id: instance?.id,
  });
});

test('they are taken on demand: of a deployment, of an instance; not clean; and deleted, one or all', async () => {
  expect(await run('snapshot_deployment', { deployment: 'web' })).toMatchObject({
    state: 'done',
    result: "snapshots of deployment 'web' created",
  });
  const [instance] = await director.store.instances.ofDeployment('web');
  const taken = await run('create_snapshot', { deployment: 'web', instanceId: instance?.id });
  const [, cid = ''] = /^snapshot\(s\) (snap-\S+) created$/.exec(taken.result ?? '') ?? [];
  expect((await ofDeployment()).map(({ clean }) => clean)).toEqual([false, false, false]);
  expect(await run('delete_snapshot', { cids: [cid] })).toMatchObject({ result: `snapshot(s) ${cid} deleted` });
  expect(there()).toHaveLength(2);
  expect(await run('delete_deployment_snapshots', { deployment: 'web' })).toMatchObject({
    result: "snapshots of deployment 'web' deleted",
  });
  expect(await ofDeployment()).toEqual([]);
  expect(there()).toEqual([]);
});

test('a disk keeps its snapshots when it is orphaned, gets them back, and takes them with it when it is deleted', async () => {
  await run('snapshot_deployment', { deployment: 'web' });
  const [first, second] = await director.store.instances.ofDeployment('web');
  const cid = first?.disks[0]?.cid ?? '';
  await run('orphan_disk', { diskCid: cid });
  expect(await ofDeployment()).toMatchObject([{ instanceId: second?.id }]);
  await director.deploy(webTier({ instances: 2, disk: true }), {}, [{ group: 'web', index: 0, state: 'stopped' }]);
  const args = { deployment: 'web', group: 'web', instanceId: first?.id, copyProperties: false };
  await run('attach_disk', { ...args, diskCid: cid });
  expect((await ofDeployment()).map(({ instanceId }) => instanceId)).toContain(first?.id);
  await run('orphan_disk', { diskCid: cid });
  const before = there().length;
  expect(await run('delete_orphan_disks', { diskCids: [cid] })).toMatchObject({ state: 'done' });
  expect(there().length).toBeLessThan(before);
  expect(there().map(({ diskCid }) => diskCid as string)).not.toContain(cid);
});

test('one that fails is told to the health monitor and counted; the others are taken', async () => {
  const alerts: string[] = [];
  const monitor = await director.bus.connect('health-monitor');
  monitor.subscribe('hm.director.alert', (_subject, payload) => void alerts.push(payload.toString()));
  director.cpi.faults.failOnce('snapshotDisk', 'before', new CpiError('CloudError', 'no room'));
  expect(await run('snapshot_deployment', { deployment: 'web' })).toMatchObject({
    state: 'done',
    result: "snapshots of deployment 'web' created, with 1 failure(s)",
  });
  expect(await ofDeployment()).toHaveLength(1);
  expect(alerts.join()).toContain('director - snapshot failure');
  await monitor.close();
});

test('a CPI that takes none is no reason to fail', async () => {
  director.cpi.faults.failOnce('snapshotDisk', 'before', new CpiError('NotImplemented', 'never heard of it'));
  expect(await director.deploy(webTier({ instances: 2, disk: true, port: 81 }))).toMatchObject({ state: 'done' });
  expect(await ofDeployment()).toHaveLength(1);
});

test('one whose answer was lost is known, and deleted like any other', async () => {
  director.cpi.faults.failOnce('snapshotDisk', 'after');
  const [instance] = await director.store.instances.ofDeployment('web');
  expect(await run('create_snapshot', { deployment: 'web', instanceId: instance?.id })).toMatchObject({
    state: 'error',
  });
  expect(there()).toHaveLength(1);
  await run('delete_deployment_snapshots', { deployment: 'web' });
  expect(there()).toEqual([]);
});

test('where they are not enabled, none is taken, and whoever asks is told', async () => {
  const other = await givenDirector();
  await other.upload();
  await other.uploadStemcell();
  await other.cloudConfig(cloudConfigOf());
  await other.deploy(webTier({ instances: 1, disk: true }));
  await other.deploy(webTier({ instances: 1, disk: true, port: 81 }));
  const [instance] = await other.store.instances.ofDeployment('web');
  const args = { deployment: 'web', instanceId: instance?.id };
  const asked = await other.ended(await other.engine.enqueue(newTask('create_snapshot', { args })));
  expect(asked).toMatchObject({ state: 'done', result: 'snapshot(s)  created' });
  expect(asked.events).toContain('Snapshots are not enabled');
  expect(other.cpi.inventory().snapshots).toEqual([]);
  await other.close();
});

test('killed at any moment of taking them: each disk has one, and none is unknown', async () => {
  const deaths = await killedAtEachMoment({
    options: { snapshots: true },
    given: async (world, { engine }) => {
      await uploadRelease(world);
      await uploadStemcell(world);
      await uploadCloudConfig(world, cloudConfigOf());
      await enqueueDeploy(world, engine, webTier({ instances: 2, disk: true }));
    },
    task: () => Promise.resolve(newTask('snapshot_deployment', { args: { deployment: 'web' }, deployment: id('web') })),
    after: async ({ store, cpi }, task) => {
      expect(task.state).toBe('done');
      const known = (await store.snapshots.ofDeployment('web')).map(({ cid }) => cid);
      expect(known).toHaveLength(2);
      expect(new Set(cpi.inventory().snapshots.map(({ cid }) => cid))).toEqual(new Set(known));
    },
  });
  expect(deaths).toBeGreaterThan(10);
}, 120_000);
