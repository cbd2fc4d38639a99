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
