import { afterEach, expect, test } from 'vitest';
import { id, type DiskCid } from '../../common/ids.ts';
import { CpiError } from '../../cpi/errors.ts';
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

const wanted = webTier({ instances: 1, disk: true });
const disksOf = (mib: number, type?: string) =>
  cloudConfigOf().replace(
    'disk_size: 1024',
    `disk_size: ${mib}${type === undefined ? '' : `, cloud_properties: {type: ${type}}`}`,
  );
let director: Awaited<ReturnType<typeof givenDirector>>;
afterEach(() => director.close());

async function given(disksInPlace: { resize: boolean; update: boolean }) {
  director = await givenDirector({ disksInPlace });
  await director.upload();
  await director.uploadStemcell();
  await director.cloudConfig(disksOf(1024));
  await director.deploy(wanted);
  return disk();
}

async function disk() {
  const [instance] = await director.store.instances.ofDeployment('web');
  const [only, ...others] = instance?.disks ?? [];
  if (only === undefined || others.length > 0) throw new Error('not one disk');
  expect(director.machines.diskMarks.on(only.cid ?? '')).toEqual([...director.machines.diskMarks.all()]);
  return only;
}
const there = () => director.cpi.inventory().disks;

test('a disk that grows is grown by the CPI where that is wished for, and planned like this', async () => {
  const before = await given({ resize: true, update: false });
  await director.cloudConfig(disksOf(4096));
  const { plan } = await director.deploy(wanted, { dryRun: true });
  expect(plan).toContain('resize disk to 4096 MiB');
  expect((await director.deploy(wanted)).cpi).toContain('resize_disk');
  expect(await disk()).toMatchObject({ cid: before.cid, key: before.key, sizeMib: 4096 });
  expect(there()).toMatchObject([{ cid: before.cid, sizeMib: 4096 }]);
  expect((await director.deploy(wanted)).events).not.toContain('Updating instance');
});

test('a smaller disk, or one of another kind, is copied where only growing is wished for', async () => {
  const before = await given({ resize: true, update: false });
  await director.cloudConfig(disksOf(4096, 'fast'));
  expect((await director.deploy(wanted)).cpi).not.toContain('resize_disk');
  expect((await disk()).cid).not.toBe(before.cid);
  await director.cloudConfig(disksOf(512, 'fast'));
  await director.deploy(wanted);
  expect(await disk()).toMatchObject({ sizeMib: 512 });
  expect(await director.store.instances.orphanedDisks()).toHaveLength(2);
});

test('a disk whose kind changes is changed by the CPI where that is wished for', async () => {
  const before = await given({ resize: false, update: true });
  await director.cloudConfig(disksOf(2048, 'fast'));
  expect((await director.deploy(wanted, { dryRun: true })).plan).toContain('update disk to 2048 MiB');
  await director.deploy(wanted);
  expect(await disk()).toMatchObject({ cid: before.cid, sizeMib: 2048, cloudProperties: { type: 'fast' } });
  expect(there()).toMatchObject([{ sizeMib: 2048, cloudProperties: { type: 'fast' } }]);
  await director.deploy(wanted, { recreatePersistentDisks: true }); // anew is anew
  expect((await disk()).cid).not.toBe(before.cid);
});

test.each(['resizeDisk', 'updateDisk'] as const)('a CPI without %s has its disk copied', async (method) => {
  const before = await given({ resize: method === 'resizeDisk', update: method === 'updateDisk' });
  await director.cloudConfig(disksOf(2048));
  director.cpi.faults.failOnce(method, 'before', new CpiError('NotSupported', 'no such thing'));
  expect(await director.deploy(wanted)).toMatchObject({ state: 'done' });
  expect(await disk()).toMatchObject({ sizeMib: 2048 });
  expect((await director.store.instances.orphanedDisks()).map(({ cid }) => cid)).toEqual([before.cid]);
});

test.each(['before', 'after'] as const)('an update that fails %s its effect is asked for again', async (when) => {
  const before = await given({ resize: false, update: true });
  await director.cloudConfig(disksOf(2048));
  director.cpi.faults.failOnce('updateDisk', when);
  expect(await director.deploy(wanted)).toMatchObject({ state: 'error' });
  await director.cloudConfig(disksOf(4096));
  expect(await director.deploy(wanted)).toMatchObject({ state: 'done' });
  expect(await disk()).toMatchObject({ cid: before.cid, sizeMib: 4096 });
});

/** As some infrastructures do: a change makes another disk, with the data of the first, which is gone. */
const renewing = (disks: Map<string, DiskCid>) => ({
  of: async (name: string, make: () => Promise<DiskCid>) => {
    const known = disks.get(name);
    if (known !== undefined) return known;
    const made = await make();
    disks.set(name, made);
    return made;
  },
});

test.each([{ wantedMib: 2048 }, { wantedMib: 1024 }])(
  'killed at any moment of an update that ends in another disk: it is known, and serves ($wantedMib)',
  async ({ wantedMib }) => {
    director = await givenDirector();
    const deaths = await killedAtEachMoment({
      every: 3,
      options: { disksInPlace: { resize: false, update: true } },
      given: async (world, { engine }) => {
        const made = renewing(new Map());
        const { cpi, machines } = world;
        cpi.updateDisk = (old, sizeMib, cloudProperties, name = '') =>
          made.of(name, async () => {
            const cid = await cpi.createDisk(sizeMib, cloudProperties, null);
            machines.diskMarks.copy(old, cid);
            await cpi.deleteDisk(old);
            return cid;
          });
        await uploadRelease(world);
        await uploadStemcell(world);
        await uploadCloudConfig(world, disksOf(1024));
        await enqueueDeploy(world, engine, wanted);
        await engine.idle();
        await uploadCloudConfig(world, disksOf(2048));
      },
      task: async ({ store }) => {
        const [last] = await store.tasks.list({ types: ['update_deployment'] });
        const args = {
          ...(last?.args as object),
          cloudConfigIds: (await store.configs.currentOf('cloud', 'all')).map((one) => one.id),
          new: false,
        };
        return newTask('update_deployment', { args, deployment: id('web') });
      },
      after: async (world, _task, { engine }) => {
        await uploadCloudConfig(world, disksOf(wantedMib));
        await enqueueDeploy(world, engine, wanted, { options: { fix: true } });
        await engine.idle();
        const [instance] = await world.store.instances.ofDeployment('web');
        expect(instance?.disks).toMatchObject([{ active: true, state: 'live', sizeMib: wantedMib }]);
        const [serving] = instance?.disks ?? [];
        expect(world.machines.diskMarks.on(serving?.cid ?? '')).toEqual([...world.machines.diskMarks.all()]);
        const orphaned = (await world.store.instances.orphanedDisks()).map(({ cid }) => cid);
        expect(new Set(world.cpi.inventory().disks.map(({ cid }) => cid))).toEqual(
          new Set([serving?.cid, ...orphaned]),
        );
      },
    });
    expect(deaths).toBeGreaterThan(10);
  },
  120_000,
);
