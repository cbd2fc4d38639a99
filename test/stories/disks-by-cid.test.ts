import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../common/clock.ts';
import type { VmCid } from '../../common/ids.ts';
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
import { violations } from '../simulate/invariants.ts';

type Director = Awaited<ReturnType<typeof givenDirector>>;
const wanted = webTier({ instances: 1, disk: true });
let director: Director;

/** One instance with a disk, stopped; and a disk that a former deployment has left, with what its jobs wrote. */
beforeEach(async () => {
  director = await givenDirector();
  await director.upload();
  await director.uploadStemcell();
  await director.cloudConfig(cloudConfigOf());
  await director.deploy(webTier({ name: 'former', instances: 1, disk: true }));
  await director.delete('former');
  await director.deploy(wanted);
});
afterEach(async () => {
  expect(await violations({ ...director, clock: systemClock })).toEqual([]);
  await director.close();
});

const web = async () => {
  const [instance] = await director.store.instances.ofDeployment('web');
  if (instance === undefined) throw new Error('no instance');
  return instance;
};
const diskOf = async () => (await web()).disks[0]?.cid ?? 'none';
const orphans = async () => (await director.store.instances.orphanedDisks()).map(({ cid }) => cid as string);
const orphan = async () => (await orphans())[0] ?? 'none';
const change = (state: 'stopped' | 'detached' | 'started') =>
  director.deploy(wanted, {}, [{ group: 'web', index: null, state }]);
const run = async (type: string, args: unknown) =>
  director.ended(await director.engine.enqueue(newTask(type, { args })));
const attach = async (diskCid: string, more: object = {}) =>
  run('attach_disk', {
    deployment: 'web',
    group: 'web',
    instanceId: (await web()).id,
    diskCid,
    copyProperties: false,
    ...more,
  });
const machine = () => {
  const [vm] = director.cpi.inventory().vms;
  return vm === undefined ? undefined : director.machines.agent(vm.cid)?.state.mounts.store;
};

test.each(['stopped', 'detached'] as const)(
  'a %s instance gets a disk that another deployment has left, with its data; its own is orphaned',
  async (state) => {
    const [own, left] = [await diskOf(), await orphan()];
    const data = director.machines.diskMarks.on(left);
    expect(data).not.toEqual([]);
    await change(state);

    const attached = await attach(left);
    expect(attached).toMatchObject({ state: 'done', result: expect.stringMatching(/^attached disk 'disk-/) });
    expect(await orphans()).toEqual([own]);
    if (state === 'stopped') expect(machine()).toBe(left);

    expect(await change('started')).toMatchObject({ state: 'done' });
    expect(await diskOf()).toBe(left);
    expect(machine()).toBe(left);
    expect(director.machines.diskMarks.on(left).slice(0, data.length)).toEqual(data);
    expect(director.cpi.inventory().vms).toMatchObject([{ disks: [left] }]);
    expect((await director.deploy(wanted)).events).not.toContain('Updating instance');
  },
);

test('a disk that no deployment ever had is taken for 1 MiB large, so its data moves to one as the manifest wants it', async () => {
  await change('detached');
  const unknown = await director.cpi.createDisk(4096, {}, null);
  expect(await attach(unknown)).toMatchObject({ state: 'done' });
  expect((await web()).disks).toMatchObject([{ cid: unknown, sizeMib: 1 }]);
  await change('started');
  expect((await web()).disks).toMatchObject([{ sizeMib: 1024, active: true }]);
  expect(await orphans()).toContain(unknown);
});

test('with --disk-properties=copy it is taken for what the disk before it was, and serves', async () => {
  await change('detached');
  const unknown = await director.cpi.createDisk(1024, {}, null);
  expect(await attach(unknown, { copyProperties: true })).toMatchObject({ state: 'done' });
  await change('started');
  expect(await diskOf()).toBe(unknown);
});

test('what the infrastructure refuses changes nothing: the disk that was there is mounted again', async () => {
  await change('stopped');
  const own = await diskOf();
  const refused = await attach('disk-of-nobody');
  expect(refused).toMatchObject({ state: 'error', result: expect.stringContaining('not found') });
  expect(await diskOf()).toBe(own);
  expect(machine()).toBe(own);
});

test('without a VM nobody asks whether the disk is there; a slip is told all the same', async () => {
  await change('detached');
  const own = await diskOf();
  expect((await attach('disk-of-nobody')).events).toContain('The infrastructure has no disk disk-of-nobody');
  expect(await attach(own)).toMatchObject({ state: 'done' });
  await director.engine.idle();
  await run('orphan_disk', { diskCid: own });
  await run('delete_orphan_disks', { diskCids: ['disk-of-nobody', own] });
  expect(await orphans()).toHaveLength(1);
});

test('an instance that runs, is ignored, or is not there gets no disk; nor does one get what another has', async () => {
  const left = await orphan();
  expect(await attach(left)).toMatchObject({ state: 'error', result: expect.stringContaining('must be stopped') });
  await change('stopped');
  await director.store.instances.update((await web()).id, { ignore: true });
  expect(await attach(left)).toMatchObject({ state: 'error', result: expect.stringContaining('is ignored') });
  await director.store.instances.update((await web()).id, { ignore: false });
  expect(await attach(left, { group: 'db' })).toMatchObject({
    state: 'error',
    result: expect.stringContaining('was not found'),
  });
  await director.deploy(webTier({ name: 'other', instances: 1, disk: true }));
  const [other] = await director.store.instances.ofDeployment('other');
  expect(await attach(other?.disks[0]?.cid ?? '')).toMatchObject({
    state: 'error',
    result: expect.stringContaining(`is a disk of instance ${other?.id}`),
  });
});

test('a disk that is orphaned under running jobs stays until the next deploy, which gives the instance a new one', async () => {
  const own = await diskOf();
  const done = await run('orphan_disk', { diskCid: own });
  expect(done).toMatchObject({ state: 'done', result: `disk ${own} orphaned` });
  expect(done.events).toMatch(/stays attached to web\/.*whose jobs run/);
  expect((await web()).disks).toEqual([]);
  expect((await run('orphan_disk', { diskCid: own })).events).toContain('does not exist. Orphaning is skipped');

  await director.deploy(wanted);
  const now = await diskOf();
  expect(now).not.toBe(own);
  expect(director.cpi.inventory().vms).toMatchObject([{ disks: [now] }]);
  expect(await run('delete_orphan_disks', { diskCids: [own] })).toMatchObject({ state: 'done' });
  expect(director.cpi.inventory().disks.map(({ cid }) => cid as string)).not.toContain(own);
});

test('a disk that is orphaned while its instance is stopped is taken off', async () => {
  await change('stopped');
  await run('orphan_disk', { diskCid: await diskOf() });
  expect(director.cpi.inventory().vms).toMatchObject([{ disks: [] }]);
  expect(machine()).toBe(null);
});

test('a disk that is attached while a clean-up waits to delete it is not deleted', async () => {
  await change('detached');
  const left = await orphan();
  const go = director.cpi.faults.hang('hasDisk');
  const attaching = director.engine.enqueue(
    newTask('attach_disk', {
      args: { deployment: 'web', group: 'web', instanceId: (await web()).id, diskCid: left, copyProperties: false },
    }),
  );
  await attaching;
  const deleting = await director.engine.enqueue(newTask('delete_orphan_disks', { args: { diskCids: [left] } }));
  setImmediate(go);
  expect(await director.ended(deleting)).toMatchObject({ state: 'done' });
  await change('started');
  expect(machine()).toBe(left);
});

test('killed at any moment of an attachment: one of the two disks serves, the other is orphaned', async () => {
  const deaths = await killedAtEachMoment({
    every: 2,
    given: async (world, { engine }) => {
      await uploadRelease(world);
      await uploadStemcell(world);
      await uploadCloudConfig(world, cloudConfigOf());
      await enqueueDeploy(world, engine, webTier({ name: 'former', instances: 1, disk: true }));
      await engine.idle();
      await world.store.instances.ofDeployment('former');
      await engine.enqueue(
        newTask('delete_deployment', {
          args: { deployment: 'former', force: false, keepSnapshots: false },
          deployment: 'former' as never,
        }),
      );
      await engine.idle();
      await enqueueDeploy(world, engine, wanted);
      await engine.idle();
      await enqueueDeploy(world, engine, wanted, { stateChanges: [{ group: 'web', index: null, state: 'stopped' }] });
    },
    task: async ({ store }) => {
      const [instance] = await store.instances.ofDeployment('web');
      const [left] = await store.instances.orphanedDisks();
      const args = {
        deployment: 'web',
        group: 'web',
        instanceId: instance?.id,
        diskCid: left?.cid,
        copyProperties: false,
      };
      return newTask('attach_disk', { args });
    },
    after: async ({ store, cpi, machines }, task) => {
      expect(task.state).toBe('done');
      const [instance] = await store.instances.ofDeployment('web');
      const serving = instance?.disks.map(({ cid }) => cid);
      const [vm] = cpi.inventory().vms;
      expect(vm?.disks).toEqual(serving);
      expect(machines.agent(vm?.cid as VmCid)?.state.mounts.store).toBe(serving?.[0]);
      expect(await store.instances.orphanedDisks()).toHaveLength(1);
      expect((task.args as { diskCid: string }).diskCid).toBe(serving?.[0]);
    },
  });
  expect(deaths).toBeGreaterThan(10);
}, 120_000);
