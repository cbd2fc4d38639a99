import { afterEach, beforeEach, expect, test } from 'vitest';
import { givenDeployed, told } from '../support/given-problems.ts';

let web: Awaited<ReturnType<typeof givenDeployed>>;
beforeEach(async () => {
  web = await givenDeployed();
});
afterEach(() => web.close());

test('where all is well a scan says so, in the words that clients know, and finds nothing', async () => {
  const scan = await web.scan();
  expect(scan).toMatchObject({ state: 'done', result: 'scan complete' });
  expect(told(scan.events)).toEqual([
    'Scanning 3 VMs: Checking VM states',
    'Scanning 3 VMs: 3 OK, 0 unresponsive, 0 missing, 0 unbound',
    'Scanning 3 persistent disks: Looking for inactive disks',
    'Scanning 3 persistent disks: 3 OK, 0 missing, 0 inactive, 0 mount-info mismatch',
  ]);
  expect(await web.problems()).toEqual([]);
});

test('a dead agent and a missing VM are told apart, after the ten seconds that an agent has to answer', async () => {
  await web.die(0);
  await web.loseVm(1);
  const [dead, lost] = [await web.instance(0), await web.instance(1)];
  const begunMs = web.clock.now();
  const scan = await web.scan();
  expect(web.clock.now() - begunMs).toBeLessThan(11_000);
  expect(told(scan.events)).toContain('Scanning 3 VMs: 1 OK, 1 unresponsive, 1 missing, 0 unbound');
  expect(await web.problems()).toEqual([
    {
      id: 1,
      type: 'unresponsive_agent',
      description: `VM for '${dead.label} (0)' with cloud ID '${dead.vms[0]?.cid}' is not responding.`,
    },
    {
      id: 2,
      type: 'missing_vm',
      description: `VM for '${lost.label} (1)' with cloud ID '${lost.vms[0]?.cid}' missing.`,
    },
  ]);
});

test('a VM is recreated as it was: its disk, address, AZ, name and jobs stay, and the next deploy has nothing to do', async () => {
  await web.die(0);
  await web.loseVm(1);
  const before = await web.instances();
  await web.scan();
  const applied = await web.applyToAll('recreate_vm');
  expect(applied).toMatchObject({ state: 'done', result: '2 resolved' });
  expect(
    told(applied.events)
      .map((line) => line.replace(/'.*'/, '…'))
      .sort(),
  ).toEqual(
    [
      `Applying problem resolutions: VM for … is not responding. (unresponsive_agent ${before[0]?.number}): Recreate VM and wait for processes to start`,
      `Applying problem resolutions: VM for … missing. (missing_vm ${before[1]?.number}): Recreate VM and wait for processes to start`,
    ].sort(),
  );

  const after = await web.instances();
  const lasting = after.map(({ vms: _vms, ...instance }) => instance);
  expect(lasting).toEqual(before.map(({ vms: _vms, ...instance }) => instance));
  expect(after[0]?.vms[0]?.cid).not.toBe(before[0]?.vms[0]?.cid);
  expect(
    web.cpi
      .inventory()
      .vms.map(({ cid }) => cid)
      .sort(),
  ).toEqual(after.map(({ vms }) => vms[0]?.cid).sort());
  expect((await web.machineOf(0)).agent.state).toMatchObject({
    jobState: 'started',
    mounts: { store: before[0]?.disks[0]?.cid },
  });
  await web.scan();
  expect(await web.problems()).toEqual([]);
  expect((await web.deploy()).events).not.toContain('Updating instance');
});

test('nobody chooses: a missing VM comes back without its jobs being waited for, a dead agent is left', async () => {
  await web.die(0);
  await web.loseVm(1);
  await web.scan();
  const applied = await web.applyToAll(null);
  expect(applied.events).toContain('Recreate VM without waiting for processes to start');
  expect(applied.events).toContain('Skip for now');
  expect(applied.result).toBe('2 resolved');
  await web.scan();
  expect((await web.problems()).map(({ type }) => type)).toEqual(['unresponsive_agent']);
});

test('scan and fix looks at those that it is told of alone, and gives each that is dead another VM', async () => {
  await web.die(0);
  await web.loseVm(2);
  const before = await web.instances();
  const fixed = await web.scanAndFix({ web: [before[0]?.id ?? '', '1'] });
  expect(fixed).toMatchObject({ state: 'done', result: 'scan and fix complete' });
  expect(told(fixed.events)).toContain('Scanning 2 VMs: 1 OK, 1 unresponsive, 0 missing, 0 unbound');
  const after = await web.instances();
  expect(after[0]?.vms[0]?.cid).not.toBe(before[0]?.vms[0]?.cid);
  expect(after[1]?.vms).toEqual(before[1]?.vms);
  expect(after[2]?.vms).toEqual(before[2]?.vms); // nobody asked for it
});
