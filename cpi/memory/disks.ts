import type { DiskCid, SnapshotCid, VmCid } from '../../common/ids.ts';
import type { CloudProperties, DiskHint, Metadata, SnapshotMetadata } from '../cpi.ts';
import { CpiError } from '../errors.ts';
import { checkCloudProperties, cloudPropertyKeys, textProperty } from './cloud-properties.ts';
import type { Inventory } from './inventory.ts';
import { noMachines, type MachineHost } from './machine-host.ts';
import type { OneAtATime } from '../one-at-a-time.ts';
import type { MemoryCpiOptions } from './options.ts';
import type { Disk, Vm } from './records.ts';
import { hosted, type Vms } from './vms.ts';

/**
 * INVARIANTS
 * - A disk is attached to one VM at most: the record says which before the machine gets it, and until the machine
 *   has let go of it.
 * - Where two queues are needed, the VM's is entered before the disk's.
 */
export class Disks {
  readonly #options: MemoryCpiOptions;
  readonly #inventory: Inventory;
  readonly #vms: Vms;
  readonly #queue: OneAtATime;
  readonly #host: MachineHost;
  #byName: Map<string, DiskCid> | undefined;
  #snapshotByName: Map<string, SnapshotCid> | undefined;

  constructor(options: MemoryCpiOptions, inventory: Inventory, vms: Vms, queue: OneAtATime) {
    this.#options = options;
    this.#inventory = inventory;
    this.#vms = vms;
    this.#queue = queue;
    this.#host = options.machines ?? noMachines;
  }

  async create(
    sizeMib: number,
    cloudProperties: CloudProperties,
    nearVm: VmCid | null,
    name?: string,
  ): Promise<DiskCid> {
    this.#check(cloudProperties);
    const made = name === undefined ? undefined : this.#named().get(name);
    if (made !== undefined && (await this.#isMade(made))) return made;
    const near = nearVm === null ? null : this.#vms.get(nearVm);
    checkSize(sizeMib);
    this.#checkCapacity(sizeMib);
    const cid = this.#inventory.freshCid('disks', 'disk');
    const zone = textProperty(cloudProperties, 'zone') ?? near?.zone ?? null;
    const named = name === undefined ? {} : { name };
    const disk: Disk = { cid, ...named, sizeMib, cloudProperties, zone, attachedTo: null, metadata: {} };
    if (name !== undefined) this.#named().set(name, cid);
    await this.#queue.run(cid, async () => {
      try {
        await this.#inventory.commit({ put: 'disks', value: disk });
        await hosted(`create disk ${cid}`, 'CloudError', () => this.#host.createDisk(cid, sizeMib));
      } catch (thrown) {
        await this.#inventory.commit({ del: 'disks', cid });
        throw thrown;
      }
    });
    return cid;
  }

  /** After an earlier call that makes it has ended, one way or the other. */
  #isMade(diskCid: DiskCid): Promise<boolean> {
    return this.#queue.run(diskCid, async () => this.#inventory.get('disks', diskCid) !== undefined);
  }

  /** Read once from what was there before this process. */
  #named(): Map<string, DiskCid> {
    this.#byName ??= new Map(
      [...this.#inventory.all('disks')].flatMap((disk) => (disk.name === undefined ? [] : [[disk.name, disk.cid]])),
    );
    return this.#byName;
  }

  #snapshotsNamed(): Map<string, SnapshotCid> {
    this.#snapshotByName ??= new Map(
      [...this.#inventory.all('snapshots')].flatMap(({ name, cid }) => (name === undefined ? [] : [[name, cid]])),
    );
    return this.#snapshotByName;
  }

  async delete(diskCid: DiskCid): Promise<void> {
    await this.#queue.run(diskCid, async () => {
      const { cid } = this.#detached(diskCid, 'deleted');
      await hosted(`delete disk ${cid}`, 'CloudError', () => this.#host.deleteDisk(cid));
      await this.#inventory.commit({ del: 'disks', cid });
    });
  }

  async attach(vmCid: VmCid, diskCid: DiskCid): Promise<DiskHint> {
    return this.#withBoth(vmCid, diskCid, async (vm, disk) => {
      const holder = disk.attachedTo?.vmCid;
      if (holder !== undefined && holder !== vmCid) throw diskInUse(diskCid, holder);
      if (disk.zone !== null && vm.zone !== null && disk.zone !== vm.zone) throw otherZone(disk, vm);
      const hint = this.#host.diskHint(vmCid, diskCid);
      await this.#inventory.commit({ put: 'disks', value: { ...disk, attachedTo: { vmCid, hint } } });
      await hosted(`attach ${diskCid} to ${vmCid}`, 'CloudError', () =>
        this.#host.attachDisk(this.#vms.machine(vm), diskCid),
      );
      return hint;
    });
  }

  async detach(vmCid: VmCid, diskCid: DiskCid): Promise<void> {
    await this.#withBoth(vmCid, diskCid, async (_vm, disk) => {
      if (disk.attachedTo?.vmCid !== vmCid) return;
      await hosted(`detach ${diskCid} from ${vmCid}`, 'CloudError', () => this.#host.detachDisk(vmCid, diskCid));
      await this.#inventory.commit({ put: 'disks', value: { ...this.get(diskCid), attachedTo: null } });
    });
  }

  async resize(diskCid: DiskCid, sizeMib: number): Promise<void> {
    await this.#queue.run(diskCid, async () => {
      await this.#grow(this.#detached(diskCid, 'resized'), sizeMib, {});
    });
  }

  async update(diskCid: DiskCid, sizeMib: number, cloudProperties: CloudProperties): Promise<DiskCid> {
    this.#check(cloudProperties);
    await this.#queue.run(diskCid, async () => {
      const disk = this.#detached(diskCid, 'updated');
      const zone = textProperty(cloudProperties, 'zone') ?? disk.zone;
      if (zone !== disk.zone) throw new CpiError('NotSupported', `disk ${diskCid} can't move to zone "${zone}"`);
      await this.#grow(disk, sizeMib, { cloudProperties });
    });
    return diskCid;
  }

  async setMetadata(diskCid: DiskCid, metadata: Metadata): Promise<void> {
    await this.#inventory.commit({ put: 'disks', value: { ...this.get(diskCid), metadata: { ...metadata } } });
  }

  async snapshot(diskCid: DiskCid, metadata: SnapshotMetadata, name?: string): Promise<SnapshotCid> {
    const taken = name === undefined ? undefined : this.#snapshotsNamed().get(name);
    if (taken !== undefined && this.#inventory.get('snapshots', taken) !== undefined) return taken;
    const cid = this.#inventory.freshCid('snapshots', 'snap');
    const disk = this.get(diskCid);
    const named = name === undefined ? {} : { name };
    if (name !== undefined) this.#snapshotsNamed().set(name, cid);
    const value = { cid, ...named, diskCid: disk.cid, metadata: { ...metadata } };
    await this.#inventory.commit({ put: 'snapshots', value });
    return cid;
  }

  async deleteSnapshot(cid: SnapshotCid): Promise<void> {
    if (this.#inventory.get('snapshots', cid) !== undefined) await this.#inventory.commit({ del: 'snapshots', cid });
  }

  /** @throws CpiError `DiskNotFound` */
  get(diskCid: DiskCid): Disk {
    const disk = this.#inventory.get('disks', diskCid);
    if (disk === undefined) throw new CpiError('DiskNotFound', `disk ${diskCid} not found`, { details: { diskCid } });
    return disk;
  }

  #withBoth<T>(vmCid: VmCid, diskCid: DiskCid, work: (vm: Vm, disk: Disk) => Promise<T>): Promise<T> {
    return this.#queue.run(vmCid, () =>
      this.#queue.run(diskCid, async () => work(this.#vms.get(vmCid), this.get(diskCid))),
    );
  }

  #detached(diskCid: DiskCid, what: string): Disk {
    const disk = this.get(diskCid);
    if (disk.attachedTo === null) return disk;
    throw new CpiError('CloudError', `disk ${diskCid} is attached to ${disk.attachedTo.vmCid} and can't be ${what}`, {
      hint: 'Detach it first.',
      details: { diskCid, vmCid: disk.attachedTo.vmCid },
    });
  }

  async #grow(disk: Disk, sizeMib: number, changes: Partial<Disk>): Promise<void> {
    checkSize(sizeMib);
    if (sizeMib < disk.sizeMib) {
      throw new CpiError('NotSupported', `disk ${disk.cid} can't shrink from ${disk.sizeMib} to ${sizeMib} MiB`);
    }
    this.#checkCapacity(sizeMib - disk.sizeMib);
    const { cid } = disk;
    if (sizeMib > disk.sizeMib) {
      await hosted(`resize disk ${cid}`, 'CloudError', () => this.#host.resizeDisk(cid, sizeMib));
    }
    await this.#inventory.commit({ put: 'disks', value: { ...this.get(cid), ...changes, sizeMib } });
  }

  #check(given: CloudProperties): void {
    const unknown = this.#options.unknownCloudProperties ?? 'refuse';
    checkCloudProperties(given, cloudPropertyKeys.disk, { what: 'the disk', error: 'CloudError', unknown });
  }

  #checkCapacity(moreMib: number): void {
    const { diskMibMax = Infinity } = this.#options;
    const usedMib = this.#inventory.diskMib;
    if (usedMib + moreMib <= diskMibMax) return;
    throw new CpiError('NoDiskSpace', `${moreMib} MiB of disk wanted, ${usedMib} of ${diskMibMax} MiB are in use`, {
      okToRetry: true,
      hint: 'Delete orphaned disks (bosh clean-up --all), or raise the limit.',
    });
  }
}

function checkSize(sizeMib: number): void {
  if (Number.isSafeInteger(sizeMib) && sizeMib > 0) return;
  throw new CpiError('CloudError', `a disk of ${sizeMib} MiB can't be: the size is a whole number above 0`);
}

function diskInUse(diskCid: DiskCid, vmCid: VmCid): CpiError {
  return new CpiError('CloudError', `disk ${diskCid} is attached to ${vmCid}`, {
    hint: 'A disk is attached to one VM at most: detach it there first.',
    details: { diskCid, vmCid },
  });
}

function otherZone(disk: Disk, vm: Vm): CpiError {
  return new CpiError(
    'CloudError',
    `disk ${disk.cid} is in zone "${disk.zone}" and VM ${vm.cid} is in zone "${vm.zone}"`,
    { hint: 'Disks stay in their zone: recreate the instance where its disk is.', details: { diskCid: disk.cid } },
  );
}
