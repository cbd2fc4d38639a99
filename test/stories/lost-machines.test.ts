import { afterEach, beforeEach, expect, test } from 'vitest';
import { webTier } from '../support/given-director.ts';
import { givenDeployed } from '../support/given-problems.ts';

// Machines and disks that go when nobody looks, and the deploys that come after.

let web: Awaited<ReturnType<typeof givenDeployed>>;
beforeEach(async () => {
  web = await givenDeployed();
});
afterEach(() => web.close());

test('a VM that is lost before it was finished is made anew by the next deploy', async () => {
  web.cpi.faults.failOnce('setVmMetadata', 'after');
  const more = webTier({ instances: 4, disk: true });
  expect(await web.deploy(more)).toMatchObject({ state: 'error' });
  const cid = (await web.instance(3)).vms[0]?.cid;
  if (cid == null) throw new Error('it was made, and not finished');
  await web.cpi.deleteVm(cid);
  expect(await web.deploy(more)).toMatchObject({ state: 'done' });
  expect(web.cpi.inventory().vms).toHaveLength(4);
});

test('a deploy refuses dead agents by name; with --fix it replaces them, and resizes and adds as it was asked to', async () => {
  await web.die(0);
  await web.loseVm(1);
  const wanted = webTier({ instances: 4, disk: true, port: 81 });
  const [dead, lost] = [await web.instance(0), await web.instance(1)];
  const refused = await web.deploy(wanted);
  expect(refused.state).toBe('error');
  for (const { label } of [dead, lost]) expect(refused.events).toContain(label);
  expect(web.cpi.inventory().vms).toHaveLength(2);

  expect(await web.deploy(wanted, { fix: true })).toMatchObject({ state: 'done' });
  expect(web.cpi.inventory().vms).toHaveLength(4);
  for (const before of [dead, lost]) {
    const after = await web.instance(before.index);
    expect(after).toMatchObject({ disks: before.disks, ips: before.ips, state: 'started' });
    expect(after.vms[0]?.cid).not.toBe(before.vms[0]?.cid);
    expect((await web.machineOf(before.index)).agent.state.jobState).toBe('started');
  }
});

test('recreate --fix replaces each VM of the group, those that are dead or lost as those that run', async () => {
  await web.die(0);
  await web.loseVm(1);
  const before = await web.instances();
  const recreated = await web.clock.runUntil(
    web.director.deploy(web.manifest, { fix: true }, [{ group: 'web', index: null, state: 'recreate' }]),
  );
  expect(recreated).toMatchObject({ state: 'done' });
  for (const { id, index } of before) expect(recreated.events).toContain(`web/${id} (${index})`);
  const after = await web.instances();
  const cids = (list: typeof after) => list.flatMap(({ vms }) => vms.map(({ cid }) => cid));
  expect(cids(after).some((cid) => cids(before).includes(cid))).toBe(false);
  expect(after.map(({ disks }) => disks)).toEqual(before.map(({ disks }) => disks));
});

test('what a repair recreates has the properties of the cloud config that it was deployed with, not of a later one', async () => {
  await web.director.cloudConfig((await currentCloudConfig()).replace('10.0.0.0/24', '10.9.0.0/24'));
  await web.loseVm(0);
  const before = await web.instance(0);
  await web.scan();
  expect(await web.applyToAll('recreate_vm')).toMatchObject({ state: 'done' });
  const after = await web.instance(0);
  expect(after.ips).toEqual(before.ips);
  expect(after.vms[0]?.networks).toEqual(before.vms[0]?.networks);
  expect(after.vms[0]?.cloudProperties).toEqual(before.vms[0]?.cloudProperties);
});

async function currentCloudConfig(): Promise<string> {
  const [config] = await web.store.configs.currentOf('cloud', 'all');
  if (config === undefined) throw new Error('it was deployed with one');
  return config.content;
}
