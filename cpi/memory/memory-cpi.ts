import { stat } from 'node:fs/promises';
import type { AgentId, DiskCid, NetworkCid, SnapshotCid, StemcellCid, VmCid } from '../../common/ids.ts';
import { messageOf } from '../../common/errors.ts';
import type {
  CloudProperties,
  Cpi,
  CpiInfo,
  DiskHint,
  ManagedNetwork,
  ManagedNetworkSpec,
  Metadata,
  SnapshotMetadata,
  VmResources,
  VmSpec,
} from '../cpi.ts';
import { CpiError } from '../errors.ts';
import { keysOfVms } from './addresses.ts';
import { Disks } from './disks.ts';
import { Faults } from './faults.ts';
import { Inventory } from './inventory.ts';
import { noMachines } from './machine-host.ts';
import { Networks } from './networks.ts';
import { OneAtATime } from '../one-at-a-time.ts';
import type { MemoryCpiOptions, ZoneLimits } from './options.ts';
import type { Disk, Network, Snapshot, Stemcell, Vm } from './records.ts';
import { Vms } from './vms.ts';

/**
 * An infrastructure in memory: strict, quick, and able to fail to order. What runs on its VMs is its host's matter.
 *
 * How it differs from a real one: nothing takes time unless `faults.delay` says so; a stemcell's image is looked at
 * but not kept; snapshots hold nothing; addresses need no route; disks of a zone need no room in it.
 */
export class MemoryCpi implements Cpi {
  readonly faults: Faults;
  readonly #inventory: Inventory;
  readonly #vms: Vms;
  readonly #disks: Disks;
  readonly #networks: Networks;

  private constructor(options: MemoryCpiOptions) {
    this.faults = new Faults(options.clock);
    this.#inventory = new Inventory(options.chance, keysOfVms((options.machines ?? noMachines).sharedAddresses));
    const queue = new OneAtATime();
    this.#vms = new Vms(options, this.#inventory, queue);
    this.#disks = new Disks(options, this.#inventory, this.#vms, queue);
    this.#networks = new Networks(options, this.#inventory);
  }

  /**
   * With a directory: takes up the inventory of before, and powers on its VMs that don't run.
   * @throws OperatorError `memory-infrastructure-in-use` | `memory-journal-damaged`
   */
  static async open(options: MemoryCpiOptions): Promise<MemoryCpi> {
    const cpi = new MemoryCpi(options);
    if (options.directory !== undefined) await cpi.#inventory.remember(options.directory);
    await cpi.#vms.adoptAll();
    return cpi;
  }

  /** Lets go of the directory. Machines run on where they can without this program. */
  close(): Promise<void> {
    return this.#inventory.close();
  }

  /** What there is, sorted as made. */
  inventory(): Holdings {
    const vms = [...this.#inventory.all('vms')].map((vm) => ({ ...vm, disks: this.#inventory.disksOf(vm.cid) }));
    return {
      vms,
      disks: [...this.#inventory.all('disks')],
      stemcells: [...this.#inventory.all('stemcells')],
      snapshots: [...this.#inventory.all('snapshots')],
      networks: [...this.#inventory.all('networks')],
    };
  }

  vmOfAgent(agentId: AgentId): VmCid | undefined {
    return this.#inventory.vmOfAgent(agentId);
  }

  /** Changes what fits into a zone. What is there already stays. */
  limitZone(zone: string, limits: ZoneLimits): void {
    this.#vms.limit(zone, limits);
  }

  info(signal?: AbortSignal): Promise<CpiInfo> {
    return this.faults.around('info', signal, () => Promise.resolve({ stemcellFormats: ['memory'], apiVersion: 2 }));
  }

  createStemcell(imagePath: string, cloudProperties: CloudProperties, signal?: AbortSignal): Promise<StemcellCid> {
    return this.faults.around('createStemcell', signal, async () => {
      const image = { bytes: await sizeOf(imagePath), cloudProperties };
      const cid = this.#inventory.freshCid('stemcells', 'sc');
      await this.#inventory.commit({ put: 'stemcells', value: { cid, image } });
      return cid;
    });
  }

  deleteStemcell(cid: StemcellCid, signal?: AbortSignal): Promise<void> {
    return this.faults.around('deleteStemcell', signal, async () => {
      if (this.#inventory.get('stemcells', cid) !== undefined) await this.#inventory.commit({ del: 'stemcells', cid });
    });
  }

  createVm(spec: VmSpec, signal?: AbortSignal): Promise<{ vmCid: VmCid }> {
    return this.faults.around('createVm', signal, () => this.#vms.create(spec));
  }

  deleteVm(vmCid: VmCid, signal?: AbortSignal): Promise<void> {
    return this.faults.around('deleteVm', signal, () => this.#vms.delete(vmCid));
  }

  hasVm(vmCid: VmCid, signal?: AbortSignal): Promise<boolean> {
    return this.faults.around('hasVm', signal, async () => this.#inventory.get('vms', vmCid) !== undefined);
  }

  rebootVm(vmCid: VmCid, signal?: AbortSignal): Promise<void> {
    return this.faults.around('rebootVm', signal, () => this.#vms.reboot(vmCid));
  }

  setVmMetadata(vmCid: VmCid, metadata: Metadata, signal?: AbortSignal): Promise<void> {
    return this.faults.around('setVmMetadata', signal, () => this.#vms.setMetadata(vmCid, metadata));
  }

  calculateVmCloudProperties(resources: VmResources, signal?: AbortSignal): Promise<CloudProperties> {
    return this.faults.around('calculateVmCloudProperties', signal, async () => this.#vms.cloudProperties(resources));
  }

  createDisk(
    sizeMib: number,
    cloudProperties: CloudProperties,
    nearVm: VmCid | null,
    name?: string,
    signal?: AbortSignal,
  ): Promise<DiskCid> {
    return this.faults.around('createDisk', signal, () => this.#disks.create(sizeMib, cloudProperties, nearVm, name));
  }

  deleteDisk(diskCid: DiskCid, signal?: AbortSignal): Promise<void> {
    return this.faults.around('deleteDisk', signal, () => this.#disks.delete(diskCid));
  }

  hasDisk(diskCid: DiskCid, signal?: AbortSignal): Promise<boolean> {
    return this.faults.around('hasDisk', signal, async () => this.#inventory.get('disks', diskCid) !== undefined);
  }

  attachDisk(vmCid: VmCid, diskCid: DiskCid, signal?: AbortSignal): Promise<DiskHint> {
    return this.faults.around('attachDisk', signal, () => this.#disks.attach(vmCid, diskCid));
  }

  detachDisk(vmCid: VmCid, diskCid: DiskCid, signal?: AbortSignal): Promise<void> {
    return this.faults.around('detachDisk', signal, () => this.#disks.detach(vmCid, diskCid));
  }

  resizeDisk(diskCid: DiskCid, sizeMib: number, signal?: AbortSignal): Promise<void> {
    return this.faults.around('resizeDisk', signal, () => this.#disks.resize(diskCid, sizeMib));
  }

  updateDisk(
    diskCid: DiskCid,
    sizeMib: number,
    cloudProperties: CloudProperties,
    _name?: string,
    signal?: AbortSignal,
  ): Promise<DiskCid> {
    return this.faults.around('updateDisk', signal, () => this.#disks.update(diskCid, sizeMib, cloudProperties));
  }

  setDiskMetadata(diskCid: DiskCid, metadata: Metadata, signal?: AbortSignal): Promise<void> {
    return this.faults.around('setDiskMetadata', signal, () => this.#disks.setMetadata(diskCid, metadata));
  }

  getDisks(vmCid: VmCid, signal?: AbortSignal): Promise<DiskCid[]> {
    return this.faults.around('getDisks', signal, async () => this.#inventory.disksOf(this.#vms.get(vmCid).cid));
  }

  snapshotDisk(
    diskCid: DiskCid,
    metadata: SnapshotMetadata,
    name?: string,
    signal?: AbortSignal,
  ): Promise<SnapshotCid> {
    return this.faults.around('snapshotDisk', signal, () => this.#disks.snapshot(diskCid, metadata, name));
  }

  deleteSnapshot(cid: SnapshotCid, signal?: AbortSignal): Promise<void> {
    return this.faults.around('deleteSnapshot', signal, () => this.#disks.deleteSnapshot(cid));
  }

  createNetwork(spec: ManagedNetworkSpec, signal?: AbortSignal): Promise<ManagedNetwork> {
    return this.faults.around('createNetwork', signal, () => this.#networks.create(spec));
  }

  deleteNetwork(cid: NetworkCid, signal?: AbortSignal): Promise<void> {
    return this.faults.around('deleteNetwork', signal, () => this.#networks.delete(cid));
  }
}

export interface Holdings {
  vms: Array<Vm & { disks: DiskCid[] }>;
  disks: Disk[];
  stemcells: Stemcell[];
  snapshots: Snapshot[];
  networks: Network[];
}

async function sizeOf(imagePath: string): Promise<number> {
  try {
    return (await stat(imagePath)).size;
  } catch (thrown) {
    throw new CpiError('CloudError', `stemcell image ${imagePath} can't be read: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}
