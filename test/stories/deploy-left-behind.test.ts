import { afterEach, beforeEach, expect, test } from 'vitest';
import { CpiError, CpiOutcomeUnknown } from '../../cpi/errors.ts';
import { cloudConfigOf, givenDirector, webTier } from '../support/given-director.ts';

let director: Awaited<ReturnType<typeof givenDirector>>;

beforeEach(async () => {
  director = await givenDirector();
  await director.upload();
  await director.uploadStemcell();
  await director.cloudConfig(cloudConfigOf());
});

afterEach(() => director.close());

const neverAnswered = () => new CpiOutcomeUnknown('the program was killed', { final: true });
const errors = async () =>
  (await director.store.events.list({})).filter(({ context }) => context['left_behind'] === true);

test('a VM of which nobody will ever know is given up by name; the next deploy makes another, elsewhere', async () => {
  await director.deploy(webTier({ instances: 0 })); // packages are compiled for the next ones
  director.cpi.faults.failOnce('createVm', 'before', neverAnswered());
  const failed = await director.deploy(webTier({ instances: 1 }));
  expect(failed).toMatchObject({ state: 'error', result: 'the program was killed' });
  const [orphan] = await director.store.instances.orphanedVms();
  expect(orphan).toMatchObject({ cid: null, deployment: 'web', addresses: ['10.0.0.2'] });
  expect(failed.events).toContain(
    `the VM of agent ${orphan?.agentId} may exist on the infrastructure and may hold 10.0.0.2`,
  );
  expect(await errors()).toMatchObject([
    { action: 'delete', objectType: 'vm', objectName: orphan?.agentId, error: 'the program was killed' },
  ]);
  expect((await director.store.instances.ofDeployment('web'))[0]).toMatchObject({ vms: [], ips: [] });

  expect(await director.deploy(webTier({ instances: 1 }))).toMatchObject({ state: 'done' });
  const [made] = await director.store.instances.ofDeployment('web');
  expect(made).toMatchObject({ vms: [{ active: true, problem: null }], ips: [{ address: '10.0.0.3' }] });
  expect(made?.vms[0]?.agentId).not.toBe(orphan?.agentId);
});

test('one that lives on keeps its address to itself: its replacement is not made at the same', async () => {
  await director.deploy(webTier({ instances: 0 }));
  director.cpi.faults.failOnce('createVm', 'after'); // it is made, and its cid is lost
  expect(await director.deploy(webTier({ instances: 1 }))).toMatchObject({ state: 'error' });
  director.cpi.faults.failOnce('createVm', 'before', neverAnswered());
  const refused = await director.deploy(webTier({ instances: 1 }));
  expect(refused).toMatchObject({ state: 'error', result: expect.stringContaining('may live on at 10.0.0.2') });
  expect(await director.deploy(webTier({ instances: 1 }))).toMatchObject({ state: 'done' });
  const ips = director.cpi.inventory().vms.map(({ networks }) => networks['default']?.ip);
  expect(new Set(ips)).toEqual(new Set(['10.0.0.2', '10.0.0.3']));
  expect(ips).toHaveLength(2);

  // Nor is it given to another deployment, not even when that one asks for it by name, until it is known to be free.
  const statics = cloudConfigOf().replace('gateway: ', 'static: [10.0.0.2], gateway: ');
  await director.cloudConfig(statics);
  const asking = webTier({ instances: 1, name: 'api' }).replace(
    '{name: default}]',
    '{name: default, static_ips: [10.0.0.2]}]',
  );
  const [orphan] = await director.store.instances.orphanedVms();
  expect(await director.deploy(asking)).toMatchObject({
    state: 'error',
    result: expect.stringContaining(`10.0.0.2 is in use by the VM of agent ${orphan?.agentId}`),
  });
  const [vm] = director.cpi.inventory().vms.filter(({ agentId }) => agentId === orphan?.agentId);
  if (orphan === undefined || vm === undefined) throw new Error('it is there');
  await director.cpi.deleteVm(vm.cid);
  await director.store.instances.forgetOrphanedVm(orphan.agentId);
  expect(await director.deploy(asking)).toMatchObject({ state: 'done' });
});

test('so is a disk', async () => {
  director.cpi.faults.failOnce('createDisk', 'before', neverAnswered());
  expect(await director.deploy(webTier({ instances: 1, disk: true }))).toMatchObject({ state: 'error' });
  const [waiting] = await director.store.instances.ofDeployment('web');
  const key = waiting?.disks[0]?.key;
  director.cpi.faults.failOnce('createDisk', 'before', neverAnswered());
  const next = await director.deploy(webTier({ instances: 1, disk: true }));
  expect(next).toMatchObject({ state: 'done' });
  expect(next.events).toContain(`the disk that was asked for as ${key}`);
  expect((await director.store.instances.ofDeployment('web'))[0]?.disks).toMatchObject([{ active: true }]);
});

test('a disk that was made and is wanted no more is orphaned by the deploy that does without it', async () => {
  await director.deploy(webTier({ instances: 1 }));
  director.cpi.faults.failOnce('attachDisk', 'before');
  expect(await director.deploy(webTier({ instances: 1, disk: true }))).toMatchObject({ state: 'error' });
  expect((await director.store.instances.ofDeployment('web'))[0]?.disks).toMatchObject([{ active: false }]);
  expect(await director.deploy(webTier({ instances: 1 }))).toMatchObject({ state: 'done' });
  expect((await director.store.instances.ofDeployment('web'))[0]?.disks).toEqual([]);
  expect(await director.store.instances.orphanedDisks()).toHaveLength(1);
});

test('a deletion stops at an infrastructure that refuses; by force it goes on and names what is left', async () => {
  await director.deploy(webTier({ instances: 2, disk: true }));
  const [vm] = director.cpi.inventory().vms;
  const refuse = () => director.cpi.faults.failOnce('deleteVm', 'before', new CpiError('CloudError', 'no permission'));
  refuse();
  refuse();
  expect(await director.delete('web')).toMatchObject({ state: 'error', result: 'no permission' });
  expect(await director.store.deployments.get('web')).toBeDefined();

  if (vm !== undefined) director.machines.agent(vm.cid)?.die();
  refuse();
  refuse();
  const forced = await director.delete('web', true);
  expect(forced).toMatchObject({ state: 'done' });
  expect(await director.store.deployments.get('web')).toBeUndefined();
  const left = director.cpi.inventory().vms.map(({ cid }) => cid as string);
  expect(new Set((await errors()).map(({ objectName }) => objectName))).toEqual(new Set(left));
  expect(left).toHaveLength(2);
  for (const cid of left) expect(forced.events).toContain(cid);
  expect(await director.store.instances.orphanedDisks()).toHaveLength(2);
  expect(await director.store.instances.addresses()).toEqual([]);

  const orphans = await director.store.instances.orphanedVms();
  expect(new Set(orphans.map(({ cid }) => cid as string))).toEqual(new Set(left));
  const lost = orphans.flatMap(({ addresses }) => addresses);
  expect(lost).toHaveLength(2);
  expect(await director.deploy(webTier({ instances: 2 }))).toMatchObject({ state: 'done' });
  for (const { address } of await director.store.instances.addresses()) expect(lost).not.toContain(address);
});

test('by force, jobs are stopped where their agent answers, and a script that fails is told of', async () => {
  await director.deploy(webTier({ instances: 1 }));
  const [vm] = director.cpi.inventory().vms;
  if (vm !== undefined) director.machines.agent(vm.cid)?.faults.failOnce('run_script', 'before');
  const forced = await director.delete('web', true);
  expect(forced).toMatchObject({ state: 'done' });
  expect(forced.events).toContain('stop failed, going on by force');
  expect(director.cpi.inventory().vms).toEqual([]);
});
