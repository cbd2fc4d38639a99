import type { AgentId, StemcellCid, VmCid } from '../../common/ids.ts';
import { OperatorError, messageOf } from '../../common/errors.ts';
import { silentLog } from '../../common/log.ts';
import { didYouMean } from '../../common/suggest.ts';
import type { CloudProperties, Metadata, NetworkSettings, VmResources, VmSpec } from '../cpi.ts';
import { CpiError, CpiOutcomeUnknown } from '../errors.ts';
import { agentSettings } from '../settings.ts';
import { AddressPool, addressKeys } from './addresses.ts';
import { checkCloudProperties, cloudPropertyKeys, countProperty, textProperty } from './cloud-properties.ts';
import type { Inventory } from './inventory.ts';
import { noMachines, type Machine, type MachineHost } from './machine-host.ts';
import type { OneAtATime } from '../one-at-a-time.ts';
import { vmSizeDefaults, type MemoryCpiOptions, type ZoneLimits } from './options.ts';
import type { Vm } from './records.ts';

/**
 * INVARIANTS
 * - A VM is in the inventory, with its addresses taken, before anything of it is made; it leaves the inventory after
 *   all of it is gone. So a crash in between leaves a VM that its agent id or its cid finds.
 * - `#creating` has an agent id exactly while its VM is being made: a repeated call joins the first.
 */
export class Vms {
  readonly #options: MemoryCpiOptions;
  readonly #inventory: Inventory;
  readonly #queue: OneAtATime;
  readonly #host: MachineHost;
  readonly #dynamic: AddressPool;
  readonly #zones: Map<string, ZoneLimits>;
  readonly #creating = new Map<AgentId, Promise<{ vmCid: VmCid }>>();

  constructor(options: MemoryCpiOptions, inventory: Inventory, queue: OneAtATime) {
    this.#options = options;
    this.#inventory = inventory;
    this.#queue = queue;
    this.#host = options.machines ?? noMachines;
    this.#dynamic = new AddressPool(options.dynamicRange ?? this.#host.dynamicRange ?? '10.254.0.0/16');
    this.#zones = new Map(Object.entries(options.zones ?? {}));
  }

  create(spec: VmSpec): Promise<{ vmCid: VmCid }> {
    const underWay = this.#creating.get(spec.agentId);
    if (underWay !== undefined) return underWay;
    const making = this.#create(spec).finally(() => this.#creating.delete(spec.agentId));
    this.#creating.set(spec.agentId, making);
    return making;
  }

  async delete(vmCid: VmCid): Promise<void> {
    await this.#queue.run(vmCid, async () => {
      if (this.#inventory.get('vms', vmCid) === undefined) return;
      await hosted(`delete VM ${vmCid}`, 'CloudError', () => this.#host.remove(vmCid));
      const disks = this.#inventory.disksOf(vmCid).flatMap((cid) => this.#inventory.get('disks', cid) ?? []);
      await this.#inventory.commit(
        ...disks.map((disk) => ({ put: 'disks', value: { ...disk, attachedTo: null } }) as const),
        { del: 'vms', cid: vmCid },
      );
    });
  }

  async reboot(vmCid: VmCid): Promise<void> {
    await this.#queue.run(vmCid, async () => {
      const vm = this.get(vmCid);
      await hosted(`reboot VM ${vmCid}`, 'CloudError', () => this.#host.reboot(this.machine(vm)));
    });
  }

  async setMetadata(vmCid: VmCid, metadata: Metadata): Promise<void> {
    await this.#inventory.commit({ put: 'vms', value: { ...this.get(vmCid), metadata: { ...metadata } } });
  }

  cloudProperties({ cpu, ramMib, ephemeralDiskMib }: VmResources): CloudProperties {
    return { cpu, ram: ramMib, ephemeral_disk_size: ephemeralDiskMib };
  }

  /** Powers on everything that should be: after a restart of this program. */
  async adoptAll(): Promise<void> {
    const atOnceMax = 16; // each may start a process; two cores are usual
    const waiting = [...this.#inventory.all('vms')];
    const worker = async () => {
      for (let vm = waiting.pop(); vm !== undefined; vm = waiting.pop()) await this.#adopt(vm);
    };
    await Promise.all(Array.from({ length: atOnceMax }, worker));
  }

  /** One that fails stays in the inventory, off: health finds it as it finds any VM without an agent. */
  async #adopt(vm: Vm): Promise<void> {
    try {
      await this.#host.adopt(this.machine(vm));
    } catch (thrown) {
      (this.#options.log ?? silentLog).error('machine-not-adopted', { vmCid: vm.cid, error: messageOf(thrown) });
    }
  }

  limit(zone: string, limits: ZoneLimits): void {
    this.#zones.set(zone, limits);
  }

  /** @throws CpiError `VMNotFound` */
  get(vmCid: VmCid): Vm {
    const vm = this.#inventory.get('vms', vmCid);
    if (vm === undefined) throw new CpiError('VMNotFound', `VM ${vmCid} not found`, { details: { vmCid } });
    return vm;
  }

  machine(vm: Vm): Machine {
    const disks = this.#inventory.disksOf(vm.cid).flatMap((cid) => {
      const attachedTo = this.#inventory.get('disks', cid)?.attachedTo;
      return attachedTo == null ? [] : [[cid, attachedTo.hint] as const];
    });
    const image = this.#inventory.get('stemcells', vm.stemcellCid)?.image ?? { bytes: 0, cloudProperties: {} };
    const settings = agentSettings(
      { vmCid: vm.cid, spec: vm, networks: vm.networks, disks: new Map(disks) },
      this.#options.agent,
    );
    return { vmCid: vm.cid, agentId: vm.agentId, cpu: vm.cpu, ramMib: vm.ramMib, image, settings };
  }

  async #create(spec: VmSpec): Promise<{ vmCid: VmCid }> {
    const known = this.#inventory.vmOfAgent(spec.agentId);
    if (known !== undefined) return this.#powerOnAgain(known);

    const vm = this.#shape(spec); // refuses, or takes nothing yet
    const recorded = this.#inventory.commit({ put: 'vms', value: vm });
    await this.#queue.run(vm.cid, async () => {
      try {
        await recorded;
        await hosted(`create VM ${vm.cid}`, 'VMCreationFailed', () => this.#host.boot(this.machine(vm)));
      } catch (thrown) {
        await this.#undo(vm.cid, thrown);
        throw thrown;
      }
    });
    return { vmCid: vm.cid };
  }

  /** What can't be removed stays in the inventory, where its agent id finds it. */
  async #undo(vmCid: VmCid, cause: unknown): Promise<void> {
    try {
      await this.#host.remove(vmCid);
    } catch (thrown) {
      throw new CpiOutcomeUnknown(`VM ${vmCid} failed to start, and then to be removed: ${messageOf(thrown)}`, {
        cause,
        details: { vmCid },
      });
    }
    await this.#inventory.commit({ del: 'vms', cid: vmCid });
  }

  /** The first call may have been cut off between the record and the boot. */
  async #powerOnAgain(vmCid: VmCid): Promise<{ vmCid: VmCid }> {
    await this.#queue.run(vmCid, async () => {
      await hosted(`create VM ${vmCid}`, 'VMCreationFailed', () => this.#host.adopt(this.machine(this.get(vmCid))));
    });
    return { vmCid };
  }

  #shape(spec: VmSpec): Vm {
    const { agentId, stemcellCid, cloudProperties, env } = spec;
    const unknown = this.#options.unknownCloudProperties ?? 'refuse';
    checkCloudProperties(cloudProperties, cloudPropertyKeys.vm, { what: 'the VM', error: 'VMCreationFailed', unknown });
    this.#checkReferences(spec);
    const ramMib = countProperty(cloudProperties, 'ram', vmSizeDefaults.ramMib);
    const zone = textProperty(cloudProperties, 'zone') ?? this.#onlyZone();
    this.#checkCapacity(zone, ramMib);
    return {
      cid: this.#inventory.freshCid('vms', 'vm'),
      agentId,
      stemcellCid,
      zone,
      cpu: countProperty(cloudProperties, 'cpu', vmSizeDefaults.cpu),
      ramMib,
      ephemeralDiskMib: countProperty(cloudProperties, 'ephemeral_disk_size', vmSizeDefaults.ephemeralDiskMib),
      cloudProperties,
      networks: this.#address(spec.networks),
      env,
      metadata: {},
      createdAtMs: this.#options.clock.now(),
    };
  }

  #checkReferences({ stemcellCid, diskCids, networks }: VmSpec): void {
    if (this.#inventory.get('stemcells', stemcellCid) === undefined) throw stemcellNotFound(stemcellCid);
    const missing = diskCids.find((cid) => this.#inventory.get('disks', cid) === undefined);
    if (missing !== undefined) {
      throw new CpiError('DiskNotFound', `disk ${missing} not found`, { details: { diskCid: missing } });
    }
    const unknown = this.#options.unknownCloudProperties ?? 'refuse';
    for (const [name, { cloud_properties: given = {} }] of Object.entries(networks)) {
      const what = `network "${name}"`;
      checkCloudProperties(given, cloudPropertyKeys.network, { what, error: 'VMCreationFailed', unknown });
      const cid = textProperty(given, 'network');
      if (cid !== null && this.#inventory.get('networks', cid) === undefined) {
        throw new CpiError('NetworkNotFound', `${what}: managed network ${cid} not found`, { details: { cid } });
      }
    }
    this.#host.accepts(networks);
  }

  #onlyZone(): string | null {
    const [only, ...others] = this.#zones.keys();
    return only === undefined || others.length > 0 ? null : only;
  }

  #checkCapacity(zone: string | null, ramMib: number): void {
    if (this.#zones.size === 0) return;
    const limits = zone === null ? undefined : this.#zones.get(zone);
    if (zone === null || limits === undefined) throw unknownZone(zone, [...this.#zones.keys()]);
    const use = this.#inventory.useOfZone(zone);
    const { vmsMax = Infinity, ramMibMax = Infinity } = limits;
    if (use.vms + 1 > vmsMax) throw zoneFull(zone, `${use.vms} of ${vmsMax} VMs are in use`);
    if (use.ramMib + ramMib > ramMibMax) {
      throw zoneFull(zone, `${ramMib} MiB wanted, ${use.ramMib} of ${ramMibMax} MiB are in use`);
    }
  }

  /** Fills in dynamic addresses. @throws CpiError `VMCreationFailed` when an address is held by another VM */
  #address(networks: Record<string, NetworkSettings>): Record<string, NetworkSettings> {
    const shared = this.#host.sharedAddresses;
    const addressed: Record<string, NetworkSettings> = {};
    for (const [name, network] of Object.entries(networks)) {
      const isTaken = (ip: string) => this.#taken(addressKeys({ [name]: { ...network, ip } }, shared)) !== undefined;
      const given = network.type === 'dynamic' && network.ip === undefined ? this.#dynamic.take(isTaken) : {};
      addressed[name] = { ...network, ...given };
    }
    const keys = addressKeys(addressed, shared);
    const taken = this.#taken(keys) ?? keys.find((key, at) => keys.indexOf(key) !== at);
    if (taken === undefined) return addressed;
    const holder = this.#inventory.vmOfAddress(taken);
    throw new CpiError('VMCreationFailed', `address ${taken} is in use by ${holder ?? 'this VM, on another network'}`, {
      hint: 'Two live VMs never hold one address. Delete the VM that holds it, or wait until it is deleted.',
      details: { address: taken, vmCid: holder ?? null },
    });
  }

  #taken(keys: string[]): string | undefined {
    return keys.find((key) => this.#inventory.vmOfAddress(key) !== undefined);
  }
}

/** What a host throws becomes the infrastructure's answer. */
export async function hosted<T>(
  what: string,
  type: 'VMCreationFailed' | 'CloudError',
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof OperatorError) throw thrown;
    throw new CpiError(type, `${what}: ${messageOf(thrown)}`, { cause: thrown, okToRetry: true });
  }
}

function stemcellNotFound(cid: StemcellCid): CpiError {
  return new CpiError('CloudError', `stemcell ${cid} not found`, {
    hint: 'Upload the stemcell again with --fix.',
    details: { stemcellCid: cid },
  });
}

function unknownZone(zone: string | null, zones: string[]): CpiError {
  const named = zone === null ? 'cloud properties name no zone' : `no zone "${zone}"`;
  const { suggestion } = didYouMean(zone ?? '', zones);
  return new CpiError('VMCreationFailed', named + (suggestion === undefined ? '' : ` (${suggestion})`), {
    hint: `Zones are ${zones.join(', ')}: set "zone" in the cloud_properties of each availability zone.`,
    details: { zone, zones },
  });
}

function zoneFull(zone: string, why: string): CpiError {
  return new CpiError('VMCreationFailed', `no capacity in zone "${zone}": ${why}`, {
    okToRetry: true,
    hint: 'Delete what is not needed, use another zone, or raise the limits of the zone.',
    details: { zone },
  });
}
