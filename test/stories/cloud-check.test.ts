import { afterEach, beforeEach, expect, test } from 'vitest';
import { givenDeployed, mostAtOnce, told } from '../support/given-problems.ts';

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
  const there = new Set(web.cpi.inventory().vms.map(({ cid }) => cid));
  expect(there).toEqual(new Set(after.map(({ vms }) => vms[0]?.cid)));
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

test('what is stopped gets its machine back and stays stopped; what is stopped hard, or ignored, is not looked at', async () => {
  const stop = (index: number, state: 'stopped' | 'detached') =>
    web.clock.runUntil(web.director.deploy(web.manifest, {}, [{ group: 'web', index, state }]));
  expect(await stop(0, 'stopped')).toMatchObject({ state: 'done' });
  expect(await stop(1, 'detached')).toMatchObject({ state: 'done' });
  await web.store.instances.update((await web.instance(2)).id, { ignore: true });
  await web.loseVm(0);
  await web.die(2);
  const scan = await web.scan();
  expect(told(scan.events)).toContain('Scanning 2 VMs: 0 OK, 0 unresponsive, 1 missing, 0 unbound, 1 ignored');
  expect(told(scan.events)).toContain('Scanning 2 persistent disks: Looking for inactive disks');
  expect(await web.applyToAll('recreate_vm')).toMatchObject({ state: 'done', result: '1 resolved' });
  expect(await web.instance(0)).toMatchObject({ state: 'stopped', updateCompleted: true });
  expect((await web.machineOf(0)).agent.state.jobState).not.toBe('started');

  const ignored = await web.instance(2);
  const fixed = await web.scanAndFix({ web: [ignored.id, '1'] });
  expect(told(fixed.events)).toContain('Scanning 1 VMs: 0 OK, 0 unresponsive, 0 missing, 0 unbound, 1 ignored');
  expect(fixed).toMatchObject({ state: 'done' });
  expect((await web.instance(2)).vms).toEqual(ignored.vms);
});

test('an instance that is ignored between the scan and the repair is not touched', async () => {
  await web.die(0);
  await web.scan();
  const before = await web.instance(0);
  await web.store.instances.update(before.id, { ignore: true });
  const applied = await web.applyToAll('recreate_vm');
  expect(applied.state).toBe('error');
  expect(applied.result).toContain("Error resolving problem '1': The instance is ignored, skipping resolution");
  expect((await web.instance(0)).vms).toEqual(before.vms);
});

test('an agent that answers again meanwhile keeps its VM: that is told, and the problem is closed', async () => {
  await web.die(0);
  await web.scan();
  const { agent, cid } = await web.machineOf(0);
  agent.start();
  const applied = await web.applyToAll('recreate_vm');
  expect(applied.state).toBe('error');
  expect(applied.result).toContain("Error resolving problem '1': Agent is responding now, skipping resolution");
  expect((await web.machineOf(0)).cid).toBe(cid);
  expect(await web.problems()).toEqual([]);
});

test('a VM that hangs is rebooted; one that does not come back by it is told of', async () => {
  await web.die(0);
  await web.scan();
  const { cid } = await web.machineOf(0);
  expect(await web.applyToAll('reboot_vm')).toMatchObject({ state: 'done', result: '1 resolved' });
  expect((await web.machineOf(0)).agent.isUp).toBe(true);
  expect((await web.machineOf(0)).cid).toBe(cid);

  (await web.machineOf(1)).agent.goSilent();
  await web.scan();
  const applied = await web.applyToAll('reboot_vm');
  expect(applied.result).toContain('Agent still unresponsive after reboot');
});

test('a VM is deleted, then missing, then made anew at its address', async () => {
  await web.die(0);
  await web.scan();
  const before = await web.instance(0);
  expect(await web.applyToAll('delete_vm')).toMatchObject({ state: 'done' });
  expect(web.cpi.inventory().vms).toHaveLength(2);
  expect(await web.instance(0)).toMatchObject({ vms: [], disks: before.disks, ips: before.ips });
  await web.scan();
  expect(await web.problems()).toEqual([
    { id: 2, type: 'missing_vm', description: `VM for '${before.label} (0)' missing.` },
  ]);
  expect(await web.applyToAll(null)).toMatchObject({ state: 'done' });
  const { vms, ...after } = await web.instance(0);
  expect(after).toMatchObject({ ips: before.ips, disks: before.disks });
  expect(vms[0]?.networks).toEqual(before.vms[0]?.networks);
});

test('the reference to a VM that is gone is forgotten; one that may live on is kept on record with its address', async () => {
  await web.die(0);
  await web.loseVm(1);
  const [lives, gone] = [await web.instance(0), await web.instance(1)];
  await web.scan();
  expect(await web.applyToAll('delete_vm_reference')).toMatchObject({ state: 'done', result: '2 resolved' });
  expect(await web.store.instances.orphanedVms()).toMatchObject([
    { cid: lives.vms[0]?.cid, addresses: lives.ips.map(({ address }) => address) },
  ]);
  expect(await web.instance(1)).toMatchObject({ vms: [], ips: gone.ips });
  await web.scan();
  expect((await web.problems()).map(({ type }) => type)).toEqual(['missing_vm', 'missing_vm']);

  const recreated = await web.applyToAll('recreate_vm');
  expect(recreated.result).toContain('a VM that was given up may live on at'); // two machines never have one address
  expect((await web.instance(1)).vms).toHaveLength(1);
  expect((await web.deploy()).events).toContain(`is attached to ${lives.vms[0]?.cid}`); // nor one disk
  expect(await web.deleteVm(lives.vms[0]?.cid ?? '')).toMatchObject({ state: 'done' });
  expect(await web.deploy()).toMatchObject({ state: 'done' });
  expect(await web.instance(0)).toMatchObject({ vms: [{ active: true }], disks: lives.disks });
});

test('a disk that is lost is told of, and forgotten when somebody says so: the next deploy makes another', async () => {
  const cid = await web.loseDisk(0);
  const { label } = await web.instance(0);
  const scan = await web.scan();
  expect(told(scan.events)).toContain(
    'Scanning 3 persistent disks: 2 OK, 1 missing, 0 inactive, 0 mount-info mismatch',
  );
  expect(await web.problems()).toEqual([
    { id: 1, type: 'missing_disk', description: `Disk '${cid}' (${label}, 1024M) is missing` },
  ]);
  expect(await web.applyToAll('delete_disk_reference')).toMatchObject({ state: 'done', result: '1 resolved' });
  expect(await web.instance(0)).toMatchObject({ disks: [] });
  expect(await web.store.instances.orphanedDisks()).toMatchObject([{ cid, instance: label }]);
  await web.scan();
  expect(await web.problems()).toEqual([]);
  expect(await web.deploy()).toMatchObject({ state: 'done' });
  expect((await web.instance(0)).disks).toHaveLength(1);
});

test('a disk that fell off its VM is attached and mounted again', async () => {
  const { agent, cid: vm } = await web.machineOf(0);
  const disk = (await web.instance(0)).disks[0]?.cid;
  agent.state.mounts.store = null;
  await web.scan();
  expect(await web.problems()).toEqual([
    {
      id: 1,
      type: 'mount_info_mismatch',
      description:
        `Inconsistent mount information:\nRecord shows that disk '${disk}' should be mounted on ${vm}.\n` +
        'However it is currently :\n\tNot mounted in any VM',
    },
  ]);
  expect(await web.applyToAll('reattach_disk_and_reboot')).toMatchObject({ state: 'done' });
  expect(agent.state.mounts.store).toBe(disk);
  await web.scan();
  expect(await web.problems()).toEqual([]);
});

test('a disk that serves nobody is given up, unless it is in use; one that is mounted can be made the one that serves', async () => {
  const { id: instance, disks } = await web.instance(0);
  const disk = disks[0];
  if (disk === undefined) throw new Error('it was deployed with one');
  await web.store.instances.updateDisk(disk.key, { active: false });
  await web.scan();
  expect((await web.problems()).map(({ type }) => type)).toEqual(['inactive_disk']);
  expect((await web.applyToAll('delete_disk')).result).toContain('Disk is currently in use');
  await web.scan();
  expect(await web.applyToAll('activate_disk')).toMatchObject({ state: 'done' });
  expect((await web.store.instances.get(instance))?.disks).toEqual(disks);

  await web.store.instances.updateDisk(disk.key, { active: false });
  (await web.machineOf(0)).agent.state.mounts.store = null;
  await web.scan();
  expect(await web.applyToAll('delete_disk')).toMatchObject({ state: 'done' });
  expect((await web.store.instances.orphanedDisks()).map(({ cid }) => cid)).toEqual([disk.cid]);
});

test('problems that are over, or never were, are told and do no harm', async () => {
  await web.die(0);
  await web.scan();
  await web.scan(); // the first one's are closed
  const applied = await web.apply({ 1: 'recreate_vm', 2: 'ignore', 99: 'recreate_vm' });
  expect(applied).toMatchObject({ state: 'done', result: '1 resolved' });
  expect(told(applied.events)).toContain("Applying problem resolutions: Ignoring problem 1 (state is 'closed')");
  expect(applied.events).toContain('there is no problem 99');
});

test('one that fails keeps no other from being repaired; it stays open, and the task tells of it', async () => {
  await web.loseVm(0);
  await web.loseVm(1);
  await web.scan();
  web.cpi.faults.failOnce('createVm', 'before');
  const applied = await web.applyToAll('recreate_vm');
  expect(applied.state).toBe('error');
  expect(applied.result?.match(/Error resolving problem/g)).toHaveLength(1);
  expect(await web.problems()).toHaveLength(1);
  expect(await web.applyToAll('recreate_vm')).toMatchObject({ state: 'done', result: '1 resolved' });
  expect(web.cpi.inventory().vms).toHaveLength(3);
});

test('while a deploy is at work a scan does not wait: it says so at once, and who it is', async () => {
  const { engine, store } = web;
  const deploying = await web.clock.runUntil(web.director.enqueue(web.manifest, { recreate: true }));
  await web.clock.runUntil(
    (async () => {
      while ((await store.locks.list(web.clock.now())).length === 0) await web.clock.sleep(1);
    })(),
  );
  const scan = await web.enqueueScan();
  await web.clock.runUntil(engine.idle());
  const text = 'Unable to get deployment lock, maybe a deployment is in progress. Try again later.';
  expect(await store.tasks.get(scan.id)).toMatchObject({ state: 'error', result: text });
  const events = await web.output(scan, 'event');
  expect(JSON.parse(events)).toMatchObject({
    error: { code: 100, message: expect.stringContaining(`${text}\nWait for task ${deploying.id}`) },
  });
  expect(await store.tasks.get(deploying.id)).toMatchObject({ state: 'done' });
});

test('VMs of a group are repaired as many at a time as it may be without, or as many as somebody says', async () => {
  const most = async (overrides: Record<string, string>) => {
    for (const index of [0, 1, 2]) await web.loseVm(index);
    await web.scan();
    const open = await web.problems();
    const applied = await web.apply(Object.fromEntries(open.map(({ id }) => [id, 'recreate_vm'])), overrides);
    expect(applied).toMatchObject({ state: 'done', result: '3 resolved' });
    return mostAtOnce(applied.events);
  };
  web.cpi.faults.delay('createVm', 1_000);
  expect(await most({})).toBe(2);
  expect(await most({ web: '1' })).toBe(1);
  expect(await most({ web: '100%' })).toBe(3);
});

test('a VM is deleted by its cid, of whomever it is; its instance gets another from the next repair', async () => {
  const { cid } = await web.machineOf(0);
  const deleted = await web.deleteVm(cid);
  expect(deleted).toMatchObject({ state: 'done', result: `vm ${cid} deleted` });
  expect(told(deleted.events).sort()).toEqual([`Delete VM: VM ${cid} is successfully deleted`, `Delete VM: ${cid}`]);
  expect(web.cpi.inventory().vms).toHaveLength(2);
  expect(await web.instance(0)).toMatchObject({ vms: [] });
  expect(await web.scanAndFix({ web: ['0'] })).toMatchObject({ state: 'done' });
  expect((await web.instance(0)).vms).toHaveLength(1);
  expect(await web.deleteVm('vm-of-nobody')).toMatchObject({ state: 'done', result: 'vm vm-of-nobody deleted' });
});
