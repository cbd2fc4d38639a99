import { afterEach, expect, test } from 'vitest';
import type { VirtualClock } from '../../common/clock.ts';
import { pauseResurrection } from '../../director/problems/resurrection.ts';
import type { HealthOptions } from '../../director/health/health.ts';
import { webTier } from '../support/given-director.ts';
import { givenDeployed } from '../support/given-problems.ts';
import { watch } from '../support/health/given-watched.ts';

const closers: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A deployment that runs, and a health monitor that watches it unattended. */
async function given(manifest = webTier({ instances: 3 }), options: Partial<HealthOptions> = {}) {
  const web = await givenDeployed({ manifest });
  closers.push(() => web.close());
  const monitor = await watch(web, options);
  closers.push(() => monitor.close());
  const cids = async () => (await web.instances()).map(({ vms }) => vms.find(({ active }) => active)?.cid);
  return { ...web, ...monitor, cids, close: undefined };
}

/** Time goes on until it is so. @returns how long that took, in seconds */
async function until(clock: VirtualClock, isSo: () => Promise<boolean>, secondsMax = 600): Promise<number> {
  const begunMs = clock.now();
  while (!(await isSo())) {
    if (clock.now() - begunMs > secondsMax * 1000) throw new Error(`not within ${secondsMax} s`);
    await clock.advance(1_000);
  }
  return (clock.now() - begunMs) / 1000;
}

test('a machine that dies unattended comes back: another VM, with the disk, address and name that it had', async () => {
  const web = await given(webTier({ instances: 3, disk: true }));
  await web.clock.advance(120_000);
  const before = await web.instance(0);
  await web.die(0);
  const tookS = await until(web.clock, async () => {
    const [scan] = await web.scans();
    return scan?.state === 'done';
  });
  expect(tookS).toBeLessThan(60 + 60 + 15); // silent for a minute, judged once a minute, asked once more for ten seconds
  const after = await web.instance(0);
  expect(after.id).toBe(before.id);
  expect(after.index).toBe(before.index);
  expect(after.az).toBe(before.az);
  expect(after.ips).toEqual(before.ips);
  expect(after.disks).toEqual(before.disks);
  expect(after.vms).toHaveLength(1);
  expect(after.vms[0]?.cid).not.toBe(before.vms[0]?.cid);
  expect((await web.machineOf(0)).agent.jobState()).toBe('running');
  expect(await web.scans()).toMatchObject([
    { user: 'hm', description: 'scan and fix', result: 'scan and fix complete' },
  ]);

  // What was told is on record, and all is quiet again.
  const told = web.titles();
  expect(told).toEqual([
    expect.stringMatching(/^.{36} has timed out$/),
    'web has instances with timed out agents',
    'Scan unresponsive VMs',
  ]);
  const events = await web.store.events.list({ objectType: 'alert' });
  expect(events).toHaveLength(3);
  expect(events.at(-1)).toMatchObject({ user: 'hm', action: 'create', deployment: 'web', instance: after.label });
  await web.clock.advance(300_000);
  expect(web.titles()).toEqual(told);
  expect(await web.scans()).toHaveLength(1);
});

test('a VM that somebody deleted on the infrastructure comes back too', async () => {
  const web = await given();
  await web.loseVm(1);
  await until(web.clock, async () => (await web.scans())[0]?.state === 'done');
  expect((await web.machineOf(1)).agent.isUp).toBe(true);
  expect(web.cpi.inventory().vms).toHaveLength(3);
});

test('while no VM can be made it is tried again and again, until one can', async () => {
  const web = await given(webTier({ instances: 1 }));
  const failuresMax = 10; // five tries of two tasks
  for (let n = 0; n < failuresMax; n++) web.cpi.faults.failOnce('createVm', 'before');
  await web.die(0);
  await until(web.clock, async () => (await web.scans()).some(({ state }) => state === 'error'));
  const [instance] = await web.instances();
  expect(instance?.vms.filter(({ cid }) => cid !== null)).toEqual([]);
  await until(web.clock, async () => (await web.scans()).filter(({ state }) => state === 'error').length > 1);
  expect(web.titles()).toContain(`${instance?.id} has no VM`);
  await until(web.clock, async () => (await web.scans()).at(-1)?.state === 'done');
  expect((await web.machineOf(0)).agent.jobState()).toBe('running');
});

test('machines that were dead before the monitor began are found and come back', async () => {
  const web = await givenDeployed({ manifest: webTier({ instances: 2 }) });
  closers.push(() => web.close());
  await web.die(0);
  await web.die(1);
  await web.clock.advance(3_600_000);
  const monitor = await watch(web);
  closers.push(() => monitor.close());
  await until(web.clock, async () => (await monitor.scans())[0]?.state === 'done');
  for (const index of [0, 1]) expect((await web.machineOf(index)).agent.isUp).toBe(true);
});

test('a machine with a persistent disk stays dead where the operator wants it so', async () => {
  const web = await givenDeployed({ manifest: webTier({ instances: 1, disk: true }), fixesStateful: false });
  closers.push(() => web.close());
  const monitor = await watch(web);
  closers.push(() => monitor.close());
  const [before] = await web.instances();
  await web.die(0);
  await until(web.clock, async () => (await monitor.scans())[0]?.state === 'done');
  expect((await web.instances())[0]?.vms[0]?.cid).toBe(before?.vms[0]?.cid);
});

test('nothing comes back while resurrection is off, by the director or by a config, and all once it is on', async () => {
  const web = await given();
  const { store, clock } = web;
  await pauseResurrection(store, true);
  await store.configs.create(
    { type: 'resurrection', name: 'default', content: 'rules: [{enabled: false}]', team: null },
    clock.now(),
  );
  await web.die(0);
  await clock.advance(300_000);
  expect(await web.scans()).toEqual([]);
  expect(web.titles()).toContain('Resurrection is disabled by resurrection config');
  await store.configs.delete({ type: 'resurrection', name: 'default' });
  await clock.advance(120_000);
  expect(await web.scans()).toEqual([]);
  await pauseResurrection(store, false);
  await until(clock, async () => (await web.scans())[0]?.state === 'done');
  expect((await web.machineOf(0)).agent.isUp).toBe(true);
});

test('an ignored instance stays as it is while another one comes back', async () => {
  const web = await given(webTier({ instances: 4 }));
  const [ignored, other] = [await web.instance(0), await web.instance(1)];
  await web.store.instances.update(ignored.id, { ignore: true });
  await web.die(0);
  await web.die(1);
  await until(web.clock, async () => (await web.scans())[0]?.state === 'done');
  expect((await web.instance(0)).vms[0]?.cid).toBe(ignored.vms[0]?.cid);
  expect((await web.instance(1)).vms[0]?.cid).not.toBe(other.vms[0]?.cid);
});

test('a fifth of many at once is a meltdown: nothing is touched', async () => {
  const web = await given(webTier({ instances: 10 }));
  const before = await web.cids();
  for (const index of [0, 1, 2, 3, 4]) await web.die(index);
  await web.clock.advance(300_000);
  expect(web.titles()).toContain('We are in meltdown');
  expect(await web.scans()).toEqual([]);
  expect(await web.cids()).toEqual(before);
});

test('during a deploy nobody is missed: what it is at work on is its own', async () => {
  const web = await given(webTier({ instances: 1 }));
  web.cpi.faults.delay('createVm', 600_000); // ten minutes without a machine
  expect(await web.deploy(webTier({ instances: 1 }), { recreate: true })).toMatchObject({ state: 'done' });
  expect(web.titles()).toEqual([]);
  expect(await web.scans()).toEqual([]);
});

test('a process that fails is told of by its machine, in the record of events too', async () => {
  const web = await given(webTier({ instances: 1 }));
  await web.clock.advance(60_000);
  const { agent } = await web.machineOf(0);
  agent.jobs.failNow('web');
  await web.clock.advance(1_000);
  expect(web.titles()).toEqual([expect.stringMatching(/^web \(10\.0\.0\.\d+\) - does not exist - restart$/)]);
  expect(await web.store.events.list({ objectType: 'alert' })).toMatchObject([
    { context: { message: expect.stringContaining('process is not running') } },
  ]);
});
