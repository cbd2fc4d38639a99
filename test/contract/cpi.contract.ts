import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { id, type DiskCid, type NetworkCid, type SnapshotCid, type StemcellCid, type VmCid } from '../../common/ids.ts';
import type { Cpi, NetworkSettings, VmSpec } from '../../cpi/cpi.ts';
import { CpiError } from '../../cpi/errors.ts';
import { givenStemcell, vmSpec } from '../support/given-memory-cpi.ts';

/** One infrastructure, and what a test must be able to do to it from outside. */
export interface CpiUnderTest {
  /** The CPI of the director that runs now. */
  cpi(): Cpi;
  /** What the infrastructure really holds, by another way than through the CPI. */
  holdings(): Promise<Holdings>;
  /** The next call fails, before its effect or after it: then nobody hears the answer. */
  failOnce(method: Breakable, when: 'before' | 'after'): Promise<void>;
  /** From now on no VM fits. */
  fillUp(): Promise<void>;
  /** The director is killed, whatever it was doing, and started again. */
  restart(): Promise<void>;
  /** The network settings of the nth VM of a test. */
  networks(n: number): Record<string, NetworkSettings>;
  /** Whether a lost answer to createVm, or createDisk with a name, is found again. False: the call says for good that it doesn't know. */
  findsLostVms: boolean;
  close(): Promise<void>;
}

export type Breakable =
  'createVm' | 'deleteVm' | 'createDisk' | 'deleteDisk' | 'attachDisk' | 'detachDisk' | 'rebootVm';

/** Cids. VMs with their disks. */
export interface Holdings {
  stemcells: string[];
  vms: Record<string, string[]>;
  disks: string[];
  snapshots: string[];
  networks: string[];
}

const none = {
  vm: id<VmCid>('vm-none'),
  disk: id<DiskCid>('disk-none'),
  stemcell: id<StemcellCid>('sc-none'),
  snapshot: id<SnapshotCid>('snap-none'),
  network: id<NetworkCid>('network-none'),
};

/** What cpi/cpi.ts promises, of any infrastructure. */
export function describeCpi(name: string, given: () => Promise<CpiUnderTest>, sizes = { atOnce: 50 }): void {
  describe(`the CPI contract, on ${name}`, () => {
    let on: CpiUnderTest;
    let stemcell: StemcellCid;
    let vms: number;

    beforeEach(async () => {
      on = await given();
      vms = 0;
      stemcell = await givenStemcell(on.cpi());
    });
    afterEach(() => on.close());

    const nextSpec = (changes: Partial<VmSpec> = {}) => vmSpec(stemcell, { networks: on.networks(++vms), ...changes });
    const givenVm = async () => (await on.cpi().createVm(nextSpec())).vmCid;
    const givenDisk = (nearVm: VmCid | null = null) => on.cpi().createDisk(64, {}, nearVm);
    const holds = async (wanted: Partial<Holdings>) => {
      const empty = { stemcells: [stemcell], vms: {}, disks: [], snapshots: [], networks: [] };
      const { stemcells, vms: has, disks, snapshots, networks } = await on.holdings();
      expect({ stemcells, vms: has, disks: disks.sort(), snapshots, networks }).toEqual({
        ...empty,
        ...wanted,
        disks: [...(wanted.disks ?? [])].sort(),
      });
    };

    describe('info', () => {
      test('names its stemcell formats and a version that we speak', async () => {
        const { stemcellFormats, apiVersion } = await on.cpi().info();
        expect(stemcellFormats.length).toBeGreaterThan(0);
        expect(apiVersion).toBeGreaterThanOrEqual(2);
      });

      test('a call whose signal is aborted does not begin', async () => {
        const signal = AbortSignal.abort(new Error('cancelled'));
        await expect(on.cpi().createVm(nextSpec(), signal)).rejects.toThrow('cancelled');
        await holds({});
      });
    });

    describe('stemcells', () => {
      test('an imported stemcell can be deleted, and again', async () => {
        await holds({});
        await on.cpi().deleteStemcell(stemcell);
        await on.cpi().deleteStemcell(stemcell);
        await on.cpi().deleteStemcell(none.stemcell);
        await holds({ stemcells: [] });
      });

      test('an image that is not there is an error', async () => {
        await expect(on.cpi().createStemcell('/no/such/image', {})).rejects.toBeInstanceOf(CpiError);
        await holds({});
      });
    });

    describe('VMs', () => {
      test('a VM lives from createVm to deleteVm', async () => {
        const vm = await givenVm();
        await holds({ vms: { [vm]: [] } });
        expect(await on.cpi().hasVm(vm)).toBe(true);
        expect(await on.cpi().getDisks(vm)).toEqual([]);
        for (let twice = 0; twice < 2; twice++) {
          await on.cpi().setVmMetadata(vm, { job: 'web', index: String(twice) });
          await on.cpi().rebootVm(vm);
        }
        await on.cpi().deleteVm(vm);
        await on.cpi().deleteVm(vm);
        expect(await on.cpi().hasVm(vm)).toBe(false);
        await holds({});
      });

      test('the same agent id is the same VM, until it is deleted', async () => {
        const spec = nextSpec();
        const first = await on.cpi().createVm(spec);
        expect(await on.cpi().createVm(spec)).toEqual(first);
        await on.restart();
        expect(await on.cpi().createVm(spec)).toEqual(first);
        await holds({ vms: { [first.vmCid]: [] } });

        await on.cpi().deleteVm(first.vmCid);
        const { vmCid } = await on.cpi().createVm(spec);
        expect(vmCid).not.toBe(first.vmCid);
        await holds({ vms: { [vmCid]: [] } });
      });

      test('the same agent id asked for twice at once is one VM', async () => {
        const spec = nextSpec();
        const [one, two] = await Promise.all([on.cpi().createVm(spec), on.cpi().createVm(spec)]);
        expect(one).toEqual(two);
        await holds({ vms: { [one.vmCid]: [] } });
      });

      test('a director killed while it made a VM finds it again', async () => {
        const spec = nextSpec();
        const cut = on.cpi().createVm(spec);
        cut.catch(() => {}); // nobody is left to hear it
        await on.restart();
        const { vmCid } = await on.cpi().createVm(spec);
        await cut.catch(() => {});
        await holds({ vms: { [vmCid]: [] } });
      });

      test('what failed before its effect left nothing, and works the next time', async () => {
        const spec = nextSpec();
        await on.failOnce('createVm', 'before');
        await expect(on.cpi().createVm(spec)).rejects.toThrow();
        await holds({});
        const { vmCid } = await on.cpi().createVm(spec);
        await on.failOnce('rebootVm', 'before');
        await expect(on.cpi().rebootVm(vmCid)).rejects.toThrow();
        await on.cpi().rebootVm(vmCid);
        await on.failOnce('deleteVm', 'before');
        await expect(on.cpi().deleteVm(vmCid)).rejects.toThrow();
        await holds({ vms: { [vmCid]: [] } });
        await on.cpi().deleteVm(vmCid);
        await holds({});
      });

      test('what failed after its effect can be asked for again', async () => {
        const spec = nextSpec();
        await on.failOnce('createVm', 'after');
        await expect(on.cpi().createVm(spec)).rejects.toMatchObject({ code: 'cpi-outcome-unknown' });
        const [made] = Object.keys((await on.holdings()).vms);
        if (on.findsLostVms) {
          expect(await on.cpi().createVm(spec)).toEqual({ vmCid: made });
        } else {
          const { agentId } = spec;
          await expect(on.cpi().createVm(spec)).rejects.toMatchObject({
            code: 'cpi-outcome-unknown',
            details: { agentId },
          });
        }
        const vm = id<VmCid>(made ?? '');
        await on.failOnce('deleteVm', 'after');
        await expect(on.cpi().deleteVm(vm)).rejects.toMatchObject({ code: 'cpi-outcome-unknown' });
        await on.cpi().deleteVm(vm);
        await holds({});
      });

      test('a stemcell or a disk that is not there is refused, and leaves nothing', async () => {
        await expect(on.cpi().createVm(nextSpec({ stemcellCid: none.stemcell }))).rejects.toBeInstanceOf(CpiError);
        await expect(on.cpi().createVm(nextSpec({ diskCids: [none.disk] }))).rejects.toBeInstanceOf(CpiError);
        await holds({});
      });

      test('when nothing fits any more, it says that another try may help', async () => {
        const vm = await givenVm();
        await on.fillUp();
        await expect(on.cpi().createVm(nextSpec())).rejects.toMatchObject({
          type: 'VMCreationFailed',
          code: 'cpi-vm-creation-failed',
          retryable: true,
        });
        await holds({ vms: { [vm]: [] } });
      });

      test('sizes become cloud properties with which a VM can be made', async () => {
        const resources = { cpu: 1, ramMib: 128, ephemeralDiskMib: 256 };
        const cloudProperties = await on.cpi().calculateVmCloudProperties(resources);
        expect(await on.cpi().calculateVmCloudProperties(resources)).toEqual(cloudProperties);
        const { vmCid } = await on.cpi().createVm(nextSpec({ cloudProperties }));
        await holds({ vms: { [vmCid]: [] } });
      });

      test('a VM that is not there: absent, deleted without a word, and an error for the rest', async () => {
        const cpi = on.cpi();
        expect(await cpi.hasVm(none.vm)).toBe(false);
        await cpi.deleteVm(none.vm);
        const disk = await givenDisk();
        for (const call of [
          () => cpi.rebootVm(none.vm),
          () => cpi.setVmMetadata(none.vm, {}),
          () => cpi.getDisks(none.vm),
          () => cpi.attachDisk(none.vm, disk),
          () => cpi.createDisk(64, {}, none.vm),
        ]) {
          await expect(call()).rejects.toMatchObject({ type: 'VMNotFound', code: 'cpi-vm-not-found' });
        }
        await holds({ disks: [disk] });
      });

      test(`${sizes.atOnce} are made at once, and deleted at once`, { timeout: 120_000 }, async () => {
        const specs = Array.from({ length: sizes.atOnce }, () => nextSpec());
        const made = await Promise.all(specs.map((spec) => on.cpi().createVm(spec)));
        await holds({ vms: Object.fromEntries(made.map(({ vmCid }) => [vmCid, []])) });
        await Promise.all(made.map(({ vmCid }) => on.cpi().deleteVm(vmCid)));
        await holds({});
      });
    });

    describe('disks', () => {
      test('a disk lives from createDisk to deleteDisk, on one VM and then another', async () => {
        const [one, two] = [await givenVm(), await givenVm()];
        const disk = await givenDisk(one);
        expect(await on.cpi().hasDisk(disk)).toBe(true);

        const hint = await on.cpi().attachDisk(one, disk);
        expect(hint).toSatisfy((told: unknown) =>
          typeof told === 'string' ? told !== '' : Object.keys(told as object).length > 0,
        );
        expect(await on.cpi().attachDisk(one, disk)).toEqual(hint);
        expect(await on.cpi().getDisks(one)).toEqual([disk]);
        await expect(on.cpi().attachDisk(two, disk)).rejects.toBeInstanceOf(CpiError);
        await expect(on.cpi().deleteDisk(disk)).rejects.toBeInstanceOf(CpiError);
        await on.cpi().detachDisk(two, disk);
        await holds({ vms: { [one]: [disk], [two]: [] }, disks: [disk] });

        await on.cpi().rebootVm(one);
        expect(await on.cpi().getDisks(one)).toEqual([disk]);
        await on.cpi().detachDisk(one, disk);
        await on.cpi().detachDisk(one, disk);
        await on.cpi().attachDisk(two, disk);
        await on.cpi().setDiskMetadata(disk, { instance_index: '0' });
        await holds({ vms: { [one]: [], [two]: [disk] }, disks: [disk] });

        await on.cpi().detachDisk(two, disk);
        await on.cpi().deleteDisk(disk);
        await expect(on.cpi().deleteDisk(disk)).rejects.toMatchObject({ type: 'DiskNotFound' });
        expect(await on.cpi().hasDisk(disk)).toBe(false);
        await holds({ vms: { [one]: [], [two]: [] } });
      });

      test('deleting a VM detaches its disks and keeps them', async () => {
        const [one, two] = [await givenVm(), await givenVm()];
        const [a, b] = [await givenDisk(one), await givenDisk(one)];
        await on.cpi().attachDisk(one, a);
        await on.cpi().attachDisk(one, b);
        await holds({ vms: { [one]: [a, b], [two]: [] }, disks: [a, b] });
        await on.cpi().deleteVm(one);
        await holds({ vms: { [two]: [] }, disks: [a, b] });
        await on.cpi().attachDisk(two, a);
        await holds({ vms: { [two]: [a] }, disks: [a, b] });
      });

      test('attached disks stay attached when the director is killed', async () => {
        const vm = await givenVm();
        const disk = await givenDisk(vm);
        const hint = await on.cpi().attachDisk(vm, disk);
        await on.restart();
        expect(await on.cpi().getDisks(vm)).toEqual([disk]);
        expect(await on.cpi().attachDisk(vm, disk)).toEqual(hint);
        await holds({ vms: { [vm]: [disk] }, disks: [disk] });
      });

      test('what failed before its effect can be asked for again', async () => {
        const vm = await givenVm();
        await on.failOnce('createDisk', 'before');
        await expect(givenDisk(vm)).rejects.toThrow();
        await holds({ vms: { [vm]: [] } });
        const disk = await givenDisk(vm);
        await on.failOnce('attachDisk', 'before');
        await expect(on.cpi().attachDisk(vm, disk)).rejects.toThrow();
        await on.cpi().attachDisk(vm, disk);
        await on.failOnce('detachDisk', 'before');
        await expect(on.cpi().detachDisk(vm, disk)).rejects.toThrow();
        await holds({ vms: { [vm]: [disk] }, disks: [disk] });
        await on.cpi().detachDisk(vm, disk);
        await on.failOnce('deleteDisk', 'before');
        await expect(on.cpi().deleteDisk(disk)).rejects.toThrow();
        await holds({ vms: { [vm]: [] }, disks: [disk] });
        await on.cpi().deleteDisk(disk);
        await holds({ vms: { [vm]: [] } });
      });

      test('what failed after its effect can be asked for again', async () => {
        const vm = await givenVm();
        const disk = await givenDisk(vm);
        const lost = { code: 'cpi-outcome-unknown' };
        await on.failOnce('attachDisk', 'after');
        await expect(on.cpi().attachDisk(vm, disk)).rejects.toMatchObject(lost);
        await holds({ vms: { [vm]: [disk] }, disks: [disk] });
        await on.cpi().attachDisk(vm, disk);
        await on.failOnce('detachDisk', 'after');
        await expect(on.cpi().detachDisk(vm, disk)).rejects.toMatchObject(lost);
        await on.cpi().detachDisk(vm, disk);
        await on.failOnce('deleteDisk', 'after');
        await expect(on.cpi().deleteDisk(disk)).rejects.toMatchObject(lost);
        await expect(on.cpi().deleteDisk(disk)).rejects.toMatchObject({ type: 'DiskNotFound' });
        await holds({ vms: { [vm]: [] } });
      });

      test('the same name is the same disk, also after a restart, until it is deleted', async () => {
        const make = () => on.cpi().createDisk(64, {}, null, 'disk-of-web-0');
        const [disk, same] = await Promise.all([make(), make()]);
        expect(same).toBe(disk);
        await on.restart();
        expect(await make()).toBe(disk);
        await holds({ disks: [disk] });
        await on.cpi().deleteDisk(disk);
        const next = await make();
        expect(next).not.toBe(disk);
        await holds({ disks: [next] });
      });

      test('a named disk whose answer was lost is not made twice', async () => {
        const name = 'disk-of-web-1';
        const make = () => on.cpi().createDisk(64, {}, null, name);
        await on.failOnce('createDisk', 'after');
        await expect(make()).rejects.toMatchObject({ code: 'cpi-outcome-unknown' });
        const again = expect(make());
        if (on.findsLostVms) await again.resolves.toBe((await on.holdings()).disks[0]);
        else await again.rejects.toMatchObject({ code: 'cpi-outcome-unknown', details: { name } });
        expect((await on.holdings()).disks).toHaveLength(1);
      });

      test('a disk grows while it is detached, and never shrinks', async () => {
        const vm = await givenVm();
        const disk = await givenDisk(vm);
        await on.cpi().resizeDisk(disk, 128);
        await on.cpi().resizeDisk(disk, 128);
        await expect(on.cpi().resizeDisk(disk, 64)).rejects.toMatchObject({ type: 'NotSupported' });
        expect(await on.cpi().updateDisk(disk, 256, {})).toBe(disk);
        await on.cpi().attachDisk(vm, disk);
        await expect(on.cpi().resizeDisk(disk, 512)).rejects.toBeInstanceOf(CpiError);
        await expect(on.cpi().updateDisk(disk, 512, {})).rejects.toBeInstanceOf(CpiError);
        await holds({ vms: { [vm]: [disk] }, disks: [disk] });
      });

      test('a disk that is not there: absent, and an error for the rest', async () => {
        const cpi = on.cpi();
        const vm = await givenVm();
        expect(await cpi.hasDisk(none.disk)).toBe(false);
        for (const call of [
          () => cpi.deleteDisk(none.disk),
          () => cpi.attachDisk(vm, none.disk),
          () => cpi.resizeDisk(none.disk, 128),
          () => cpi.updateDisk(none.disk, 128, {}),
          () => cpi.setDiskMetadata(none.disk, {}),
          () => cpi.snapshotDisk(none.disk, {}),
        ]) {
          await expect(call()).rejects.toMatchObject({ type: 'DiskNotFound', code: 'cpi-disk-not-found' });
        }
        await holds({ vms: { [vm]: [] } });
      });

      test('snapshots are taken and deleted, and deleted again', async () => {
        const disk = await givenDisk();
        const [one, two] = [await on.cpi().snapshotDisk(disk, { index: '0' }), await on.cpi().snapshotDisk(disk, {})];
        await on.cpi().deleteSnapshot(one);
        await on.cpi().deleteSnapshot(one);
        await on.cpi().deleteSnapshot(none.snapshot);
        await holds({ disks: [disk], snapshots: [two] });
      });

      test(`${sizes.atOnce} are made and attached at once`, { timeout: 120_000 }, async () => {
        const vm = await givenVm();
        const disks = await Promise.all(Array.from({ length: sizes.atOnce }, () => givenDisk(vm)));
        await Promise.all(disks.map((disk) => on.cpi().attachDisk(vm, disk)));
        expect((await on.cpi().getDisks(vm)).sort()).toEqual([...disks].sort());
        await on.cpi().deleteVm(vm);
        await Promise.all(disks.map((disk) => on.cpi().deleteDisk(disk)));
        await holds({});
      });
    });

    describe('managed networks', () => {
      test('a network is made with what was asked, and deleted', async () => {
        const wanted = { type: 'manual', range: '10.8.1.0/24', gateway: '10.8.1.9', cloudProperties: {} } as const;
        const made = await on.cpi().createNetwork(wanted);
        expect(made).toMatchObject({ range: wanted.range, gateway: wanted.gateway, reserved: [] });
        await holds({ networks: [made.cid] });
        await on.cpi().deleteNetwork(made.cid);
        await expect(on.cpi().deleteNetwork(made.cid)).rejects.toMatchObject({ type: 'NetworkNotFound' });
        await holds({});
      });
    });
  });
}
