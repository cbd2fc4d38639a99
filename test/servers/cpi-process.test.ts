import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VmCid } from '../../common/ids.ts';
import { identify, isAlive } from '../../cpi/process-identity.ts';
import { describeCpi, type CpiUnderTest } from '../contract/cpi.contract.ts';
import { givenStemcell, holdingsOf, vmSpec } from '../support/given-memory-cpi.ts';
import { givenProcessMachines, type Seen } from '../support/given-process-machines.ts';

const soon = { timeout: 20_000, interval: 20 };
const networks = (n: number) => ({ a: { type: 'manual', ip: `127.20.0.${n}`, netmask: '255.255.255.0' } as const });

// Fifty machines are fifty node processes; twenty show the same on two cores
describeCpi('process machines', machinesUnderTest, { atOnce: 20 });

describe.each(['root', 'user-namespace'] as const)('a process machine, by way of %s', (privilege) => {
  let on: Awaited<ReturnType<typeof givenProcessMachines>>;
  let vm: VmCid;
  let spec: ReturnType<typeof vmSpec>;
  beforeEach(async () => {
    on = await givenProcessMachines({ privilege });
    spec = vmSpec(await givenStemcell(on.cpi()), { networks: networks(4) });
    vm = (await on.cpi().createVm(spec)).vmCid;
  });
  afterEach(async () => {
    const namespace = (await on.seen(vm))?.pidNamespace;
    await on.close();
    if (namespace !== undefined) await expect.poll(() => processesIn(namespace), soon).toEqual([]);
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(on.directory);
  });

  /** What the agent of a run other than `before` sees. */
  const seen = async (before?: string): Promise<Seen> => {
    await expect
      .poll(async () => (await on.seen(vm))?.run, soon)
      .toSatisfy((run) => run !== undefined && run !== before);
    return (await on.seen(vm)) as Seen; // it was there just now
  };

  test('runs its agent with its own /var/vcap, /tmp and processes', async () => {
    const { agentId, temporary, pids, uid, path, vm: name } = await seen();
    expect({ agentId, temporary, uid, name }).toEqual({
      agentId: spec.agentId,
      temporary: expect.any(Array),
      uid: 0,
      name: vm,
    });
    // All that is left of the host's /tmp is the way to the program and to the state, should they be there
    const ways = [on.directory, process.cwd()].map((path) => path.split('/')).filter((parts) => parts[1] === 'tmp');
    expect(temporary.filter((entry) => !ways.some((parts) => parts[2] === entry))).toEqual([]);
    expect(pids[0]).toBe(1);
    expect(pids.length).toBeLessThan(5);
    expect(path.split(':')[0]).toBe(join(process.execPath, '..'));
  });

  test('survives the director, which finds it again', async () => {
    const { run } = await seen();
    await on.restart();
    expect(await on.cpi().createVm(spec)).toEqual({ vmCid: vm });
    expect((await seen()).run).toBe(run);
  });

  test('is powered on again when the box was restarted meanwhile, with what it wrote but not its /tmp', async () => {
    const { run, pidNamespace } = await seen();
    process.kill(await pidOf(vm), 'SIGKILL');
    await expect.poll(() => processesIn(pidNamespace), soon).toEqual([]);
    await on.restart();
    expect((await seen(run)).temporary.join()).not.toContain('left-by');
  });

  test('reboots: every process is another, /tmp is empty', async () => {
    const { run, pidNamespace } = await seen();
    // By identity: the kernel may give the namespace's number again
    const before = (await processesIn(pidNamespace)).map((pid) => identify(Number(pid)));
    await on.cpi().rebootVm(vm);
    expect(before.filter((process) => process !== undefined && isAlive(process))).toEqual([]);
    expect((await seen(run)).temporary.join()).not.toContain('left-by');
  });

  test('has its agent started again when it crashes, and stays off when it halts, until it is rebooted', async () => {
    const { run, pidNamespace } = await seen();
    await on.order(vm, 'crash');
    const again = await seen(run);
    expect(again.pidNamespace).toBe(pidNamespace);
    await on.order(vm, 'halt');
    await expect.poll(() => processesIn(pidNamespace), soon).toEqual([]);
    await on.restart();
    expect((await seen()).run).toBe(again.run);
    await on.cpi().rebootVm(vm);
    await seen(again.run);
  });

  test('reaps what its daemons leave', async () => {
    await seen();
    await on.order(vm, 'orphan');
    const { pidNamespace } = await seen();
    await expect.poll(async () => (await commandsIn(pidNamespace)).includes('sleep'), soon).toBe(true);
    await expect
      .poll(async () => (await commandsIn(pidNamespace)).filter((name) => name === 'sleep').length, soon)
      .toBe(1);
  });

  test('gets and loses a persistent disk while it runs; what is on it stays', async () => {
    await seen();
    const disk = await on.cpi().createDisk(64, {}, vm);
    expect(await on.cpi().attachDisk(vm, disk)).toEqual({ path: `/var/vcap/attached/${disk}` });
    await expect.poll(async () => (await on.seen(vm))?.disks, soon).toEqual({ [disk]: [`written-by-${vm}`] });
    await on.order(vm, 'mount');
    await expect.poll(() => mountsOf(vm, '/var/vcap/store'), soon).toHaveLength(1);

    await on.cpi().detachDisk(vm, disk); // although the agent has not unmounted it
    expect(await mountsOf(vm, '/var/vcap/store')).toEqual([]);
    await expect.poll(async () => (await on.seen(vm))?.disks, soon).toEqual({});

    const { vmCid: other } = await on.cpi().createVm(vmSpec(spec.stemcellCid, { networks: networks(5) }));
    await on.cpi().attachDisk(other, disk);
    await expect
      .poll(async () => (await on.seen(other))?.disks[disk], soon)
      .toEqual([`written-by-${other}`, `written-by-${vm}`].sort());
  });

  async function pidOf(cid: VmCid): Promise<number> {
    return Number((await readFile(join(on.directory, 'vms', cid, 'pid'), 'utf8')).split('\n')[0]);
  }

  async function mountsOf(cid: VmCid, at: string): Promise<string[]> {
    const mounts = await readFile(`/proc/${await pidOf(cid)}/mountinfo`, 'utf8');
    return mounts.split('\n').filter((line) => line.split(' ')[4] === at);
  }
});

test('only loopback addresses are taken, and a machine that does not boot leaves nothing but its reason', async () => {
  const on = await givenProcessMachines({ command: ['/no/such/program'] });
  const stemcell = await givenStemcell(on.cpi());
  const elsewhere = { a: { type: 'manual', ip: '10.0.0.4' } } as const;
  await expect(on.cpi().createVm(vmSpec(stemcell, { networks: elsewhere }))).rejects.toThrow(/127\.0\.0\.0\/8 only/);
  expect(on.cpi().inventory().vms).toEqual([]);
  expect(await readdir(join(on.directory, 'vms'))).toEqual([]);
  await on.close();
});

async function machinesUnderTest(): Promise<CpiUnderTest> {
  const on = await givenProcessMachines();
  return {
    cpi: on.cpi,
    holdings: async () => {
      const { vms, disks, ...more } = holdingsOf(on.cpi());
      // What the box has, not what the inventory says
      const folders = await readdir(join(on.directory, 'vms'));
      const links = async (vm: string) => (await readdir(join(on.directory, 'vms', vm, 'vcap/attached'))).sort();
      const found = Object.fromEntries(await Promise.all(folders.map(async (vm) => [vm, await links(vm)] as const)));
      expect(found).toEqual(Object.fromEntries(Object.entries(vms).map(([vm, on]) => [vm, [...on].sort()])));
      expect((await readdir(join(on.directory, 'disks'))).sort()).toEqual([...disks].sort());
      return { vms, disks, ...more };
    },
    failOnce: async (method, when) => on.cpi().faults.failOnce(method, when),
    fillUp: async () => on.cpi().limitZone('z', { vmsMax: on.cpi().inventory().vms.length }),
    restart: on.restart,
    networks,
    findsLostVms: true,
    close: on.close,
  };
}

async function processesIn(namespace: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/ns/pid`).catch(() => '')));
  // Those that have ended and wait for the box's init to reap them don't count
  return pids.filter((pid, i) => found[i] === namespace && identify(Number(pid)) !== undefined);
}

async function commandsIn(namespace: string): Promise<string[]> {
  const pids = await processesIn(namespace);
  return Promise.all(pids.map(async (pid) => (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim()));
}
