import { afterEach, beforeEach, expect, test } from 'vitest';
import { cloudConfigOf, givenDirector, webTier } from '../support/given-director.ts';

let director: Awaited<ReturnType<typeof givenDirector>>;

beforeEach(async () => {
  director = await givenDirector();
  await director.upload();
  await director.uploadStemcell();
  await director.cloudConfig(cloudConfigOf());
});

afterEach(() => director.close());

test('a first deploy makes three machines over two AZs, and the same deploy again does nothing', async () => {
  const first = await director.deploy(webTier());
  expect(first).toMatchObject({ state: 'done', result: '/deployments/web' });
  const instances = await director.store.instances.ofDeployment('web');
  expect(
    instances.map(({ index, az, ips, updateCompleted }) => ({ index, az, ip: ips[0]?.address, updateCompleted })),
  ).toEqual([
    { index: 0, az: 'z1', ip: '10.0.0.2', updateCompleted: true },
    { index: 1, az: 'z2', ip: '10.0.0.3', updateCompleted: true },
    { index: 2, az: 'z1', ip: '10.0.0.4', updateCompleted: true },
  ]);
  expect(director.cpi.inventory().vms).toHaveLength(3);

  const again = await director.deploy(webTier());
  expect(again).toMatchObject({ state: 'done' });
  expect(again.events).not.toContain('Updating instance');
});

test('scaling, templates, stemcells and disks change what must change and no more', async () => {
  await director.deploy(webTier());
  const before = director.cpi.inventory().vms.map(({ cid }) => cid);

  expect(await director.deploy(webTier({ instances: 5 }))).toMatchObject({ state: 'done' });
  expect(director.cpi.inventory().vms).toHaveLength(5);
  expect(director.cpi.inventory().vms.map(({ cid }) => cid)).toEqual(expect.arrayContaining(before));

  const port = await director.deploy(webTier({ instances: 5, port: 81 }));
  expect(port.debug).toContain('templates changed of web');
  expect(director.cpi.inventory().vms.map(({ cid }) => cid)).toEqual(expect.arrayContaining(before)); // hot update

  const disk = await director.deploy(webTier({ instances: 5, port: 81, disk: true }));
  expect(disk).toMatchObject({ state: 'done' });
  expect(director.cpi.inventory().disks).toHaveLength(5);

  await director.uploadStemcell('2');
  const stemcell = await director.deploy(webTier({ instances: 5, port: 81, disk: true, stemcell: '2' }));
  expect(stemcell.debug).toContain('stemcell tiny/1 -> tiny/2');
  expect(stemcell).toMatchObject({ state: 'done' });
  expect(director.cpi.inventory().vms.map(({ cid }) => cid)).not.toEqual(expect.arrayContaining(before));
  expect(director.cpi.inventory().disks).toHaveLength(5); // moved, not made anew

  expect(await director.deploy(webTier({ instances: 2, port: 81, disk: true, stemcell: '2' }))).toMatchObject({
    state: 'done',
  });
  expect(director.cpi.inventory().vms).toHaveLength(2);
  expect(await director.store.instances.orphanedDisks()).toHaveLength(3); // never deleted with their instance

  expect(await director.delete('web')).toMatchObject({ state: 'done' });
  expect(director.cpi.inventory().vms).toHaveLength(0);
  expect(await director.store.instances.addresses()).toEqual([]);
  expect(await director.store.deployments.list()).toEqual([]);
});

test('a dry run shows what would happen, and touches nothing', async () => {
  const plan = await director.deploy(webTier(), { dryRun: true });
  expect(plan).toMatchObject({ state: 'done' });
  expect(plan.events).toMatch(/create web\/new \(0\) in z1 at 10\.0\.0\.\d+ \(canary\): it does not exist yet/);
  expect(JSON.parse(plan.plan)).toMatchObject({ deployment: 'web', batches: [[{ group: 'web' }]] });
  expect(await director.store.instances.all()).toEqual([]);
  expect(director.cpi.inventory().vms).toEqual([]);
});

test('a VM whose "created" reply was lost is adopted by the next deploy, not made twice', async () => {
  director.cpi.faults.failOnce('createVm', 'after', new Error('connection reset'));
  const failed = await director.deploy(webTier({ instances: 2 }));
  expect(failed).toMatchObject({ state: 'error' });

  expect(await director.deploy(webTier({ instances: 2 }))).toMatchObject({ state: 'done' });
  const vms = director.cpi.inventory().vms;
  const known = (await director.store.instances.all()).flatMap((instance) => instance.vms.map(({ cid }) => cid));
  expect(vms.map(({ cid }) => cid).sort((a, b) => a.localeCompare(b))).toEqual(
    known.sort((a, b) => (a ?? '').localeCompare(b ?? '')),
  );
  expect(vms).toHaveLength(2);
});
