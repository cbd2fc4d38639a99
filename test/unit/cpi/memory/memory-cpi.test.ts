import { expect, test } from 'vitest';
import { VirtualClock } from '../../../../common/clock.ts';
import { id, type DiskCid, type StemcellCid, type VmCid } from '../../../../common/ids.ts';
import { noMachines, type MachineHost } from '../../../../cpi/memory/machine-host.ts';
import { givenMemoryCpi, givenStemcell, vmSpec } from '../../../support/given-memory-cpi.ts';

const manual = (ip: string, cloudProperties = {}) => ({
  a: { type: 'manual', ip, cloud_properties: cloudProperties } as const,
});

test('a VM whose "created" answer was lost is found again by its agent id', async () => {
  const cpi = await givenMemoryCpi();
  const spec = vmSpec(await givenStemcell(cpi));

  cpi.faults.failOnce('createVm', 'after');
  await expect(cpi.createVm(spec)).rejects.toMatchObject({ code: 'cpi-outcome-unknown' });
  const [vm] = cpi.inventory().vms;
  expect(vm).toMatchObject({ agentId: spec.agentId });

  expect(await cpi.createVm(spec)).toEqual({ vmCid: vm?.cid });
  expect(cpi.inventory().vms).toHaveLength(1);
});

test('the same VM asked for fifty times at once is made once', async () => {
  const cpi = await givenMemoryCpi();
  const spec = vmSpec(await givenStemcell(cpi));
  const answers = await Promise.all(Array.from({ length: 50 }, () => cpi.createVm(spec)));
  expect(new Set(answers.map(({ vmCid }) => vmCid)).size).toBe(1);
  expect(cpi.inventory().vms).toHaveLength(1);
});

test('an unknown cloud property is refused, with what was probably meant', async () => {
  const cpi = await givenMemoryCpi();
  const spec = vmSpec(await givenStemcell(cpi), { cloudProperties: { zome: 'z1', cpu: '2' } });
  await expect(cpi.createVm(spec)).rejects.toMatchObject({
    type: 'VMCreationFailed',
    message: expect.stringMatching(/zome: unknown.*did you mean "zone"[^]*cpu: not a whole number above 0: "2"/),
  });
  expect(cpi.inventory().vms).toEqual([]);
});

test('the cloud config of another infrastructure can be rehearsed when asked for', async () => {
  const cpi = await givenMemoryCpi({ unknownCloudProperties: 'accept' });
  await cpi.createVm(vmSpec(await givenStemcell(cpi), { cloudProperties: { instance_type: 'm3.medium' } }));
  expect(cpi.inventory().vms).toHaveLength(1);
});

test('a full zone says so and may be asked again; freed room is used', async () => {
  const cpi = await givenMemoryCpi({ zones: { z1: { vmsMax: 1 }, z2: { ramMibMax: 1000 } } });
  const stemcell = await givenStemcell(cpi);
  const inZone = (zone: string, ram: number) => vmSpec(stemcell, { cloudProperties: { zone, ram } });

  const { vmCid } = await cpi.createVm(inZone('z1', 10));
  await expect(cpi.createVm(inZone('z1', 10))).rejects.toMatchObject({ retryable: true, type: 'VMCreationFailed' });
  await expect(cpi.createVm(inZone('z2', 1001))).rejects.toThrow(/1001 MiB wanted, 0 of 1000/);
  await expect(cpi.createVm(inZone('z3', 1))).rejects.toMatchObject({ retryable: false });
  await expect(cpi.createVm(vmSpec(stemcell))).rejects.toThrow(/name no zone/);

  await cpi.deleteVm(vmCid);
  await cpi.createVm(inZone('z1', 10));
  cpi.limitZone('z1', { vmsMax: 2 });
  await cpi.createVm(inZone('z1', 10));
  expect(cpi.inventory().vms).toHaveLength(2);
});

test('two live VMs never hold one address of one network', async () => {
  const cpi = await givenMemoryCpi();
  const stemcell = await givenStemcell(cpi);
  const { vmCid } = await cpi.createVm(vmSpec(stemcell, { networks: manual('10.0.0.4') }));

  const second = vmSpec(stemcell, { networks: manual('10.0.0.4') });
  await expect(cpi.createVm(second)).rejects.toThrow(new RegExp(`10\\.0\\.0\\.4 is in use by ${vmCid}`));
  await cpi.createVm(vmSpec(stemcell, { networks: manual('10.0.0.4', { name: 'elsewhere' }) }));

  await cpi.deleteVm(vmCid);
  await cpi.createVm(second);
});

test('dynamic addresses are given in turn and never twice', async () => {
  const cpi = await givenMemoryCpi({ dynamicRange: '10.9.0.0/29' });
  const stemcell = await givenStemcell(cpi);
  const spec = () => vmSpec(stemcell, { networks: { d: { type: 'dynamic' } } });
  const made = await Promise.all(Array.from({ length: 6 }, () => cpi.createVm(spec())));
  const ips = cpi.inventory().vms.map((vm) => vm.networks['d']?.ip);
  expect(ips).toEqual([1, 2, 3, 4, 5, 6].map((n) => `10.9.0.${n}`));
  await expect(cpi.createVm(spec())).rejects.toThrow(/no dynamic address left in 10\.9\.0\.0\/29/);

  await cpi.deleteVm(made[3]?.vmCid as VmCid); // six were made
  await cpi.createVm(spec());
  expect(cpi.inventory().vms.at(-1)?.networks['d']).toMatchObject({ ip: '10.9.0.4', netmask: '255.255.255.248' });
});

test('a disk stays in its zone, on one VM at most', async () => {
  const cpi = await givenMemoryCpi();
  const stemcell = await givenStemcell(cpi);
  const [one, two] = await Promise.all(
    ['z1', 'z2'].map((zone) => cpi.createVm(vmSpec(stemcell, { cloudProperties: { zone } }))),
  );
  const disk = await cpi.createDisk(100, {}, one?.vmCid ?? null);
  await expect(cpi.attachDisk(two?.vmCid as VmCid, disk)).rejects.toThrow(/in zone "z1" and VM .* is in zone "z2"/);
  const free = await cpi.createDisk(100, {}, null);
  await cpi.attachDisk(one?.vmCid as VmCid, free);
  await expect(cpi.attachDisk(two?.vmCid as VmCid, free)).rejects.toThrow(/is attached to/);
});

test('when a machine does not start, nothing of its VM is left', async () => {
  const removed: VmCid[] = [];
  const broken: MachineHost = {
    ...noMachines,
    boot: () => Promise.reject(new Error('no such program')),
    remove: async (vmCid) => void removed.push(vmCid),
  };
  const cpi = await givenMemoryCpi({ machines: broken });
  const spec = vmSpec(await givenStemcell(cpi), { networks: manual('10.0.0.4') });
  await expect(cpi.createVm(spec)).rejects.toMatchObject({ type: 'VMCreationFailed', retryable: true });
  expect(cpi.inventory().vms).toEqual([]);
  expect(removed).toHaveLength(1);
});

test('a call that hangs ends when it is aborted, before its effect', async () => {
  const cpi = await givenMemoryCpi();
  const stemcell = await givenStemcell(cpi);
  const release = cpi.faults.hang('createVm');
  const aborted = new AbortController();
  const hung = cpi.createVm(vmSpec(stemcell), aborted.signal);
  const waiting = cpi.createVm(vmSpec(stemcell));
  aborted.abort(new Error('enough'));
  await expect(hung).rejects.toThrow('enough');
  release();
  await waiting;
  expect(cpi.inventory().vms).toHaveLength(1);
});

test('a delay is of the clock that was given', async () => {
  const clock = new VirtualClock();
  const cpi = await givenMemoryCpi({ clock });
  cpi.faults.delay('hasVm', 60_000);
  const before = clock.now();
  expect(await clock.runUntil(cpi.hasVm(id<VmCid>('vm-none')))).toBe(false);
  expect(clock.now() - before).toBe(60_000);
});

test('managed networks get ranges that do not overlap, and stay while they are used', async () => {
  const cpi = await givenMemoryCpi({ managedRange: '10.200.0.0/22' });
  const spec = { type: 'manual', cloudProperties: { name: 'n' } } as const;
  const small = await cpi.createNetwork({ ...spec, netmaskBits: 26 });
  const large = await cpi.createNetwork({ ...spec, netmaskBits: 23 });
  const next = await cpi.createNetwork({ ...spec, netmaskBits: 24 });
  expect([small.range, large.range, next.range]).toEqual(['10.200.0.0/26', '10.200.2.0/23', '10.200.1.0/24']);
  expect(large).toMatchObject({ gateway: '10.200.2.1', cloudProperties: { name: 'n', network: large.cid } });
  await expect(cpi.createNetwork({ ...spec, netmaskBits: 24 })).rejects.toThrow(/no room for a network of \/24/);
  await expect(cpi.createNetwork({ ...spec, range: '10.1.0.0/24', gateway: '10.1.1.1' })).rejects.toThrow(/gateway/);

  const networks = { m: { type: 'manual', ip: '10.200.0.5', cloud_properties: small.cloudProperties } } as const;
  const { vmCid } = await cpi.createVm(vmSpec(await givenStemcell(cpi), { networks }));
  await expect(cpi.deleteNetwork(small.cid)).rejects.toThrow(/in use by VM/);
  await cpi.deleteVm(vmCid);
  await cpi.deleteNetwork(small.cid);
});

test('unknown stemcells and disks are refused', async () => {
  const cpi = await givenMemoryCpi();
  const spec = vmSpec(id<StemcellCid>('sc-none'));
  await expect(cpi.createVm(spec)).rejects.toThrow('stemcell sc-none not found');
  const stemcell = await givenStemcell(cpi);
  const diskCids = [id<DiskCid>('disk-none')];
  await expect(cpi.createVm(vmSpec(stemcell, { diskCids }))).rejects.toMatchObject({ type: 'DiskNotFound' });
  await expect(cpi.createStemcell('/no/such/image', {})).rejects.toThrow(/can't be read/);
});

test('ten thousand VMs take no more for each than the first hundred', async () => {
  const cpi = await givenMemoryCpi();
  const stemcell = await givenStemcell(cpi);
  const make = async (n: number) => {
    const before = performance.now();
    await Promise.all(
      Array.from({ length: n }, () => cpi.createVm(vmSpec(stemcell, { networks: { d: { type: 'dynamic' } } }))),
    );
    return (performance.now() - before) / n;
  };
  await make(100); // warm
  const few = await make(1000);
  const many = await make(9000);
  expect(cpi.inventory().vms).toHaveLength(10_100);
  expect(many).toBeLessThan(Math.max(1, few * 5));
});
