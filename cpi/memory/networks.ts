import { Address4 } from 'ip-address';
import type { NetworkCid } from '../../common/ids.ts';
import type { ManagedNetwork, ManagedNetworkSpec } from '../cpi.ts';
import { CpiError } from '../errors.ts';
import { formatAddress, parseRange } from './addresses.ts';
import { checkCloudProperties, cloudPropertyKeys, textProperty } from './cloud-properties.ts';
import type { Inventory } from './inventory.ts';
import type { MemoryCpiOptions } from './options.ts';

/** Smaller than any real one, larger than any single machine: a subnet has room for a VM, its gateway and two ends. */
const netmaskBits = { min: 8, max: 29, usual: 24 } as const;

/** Managed networks: the ones that the director makes and deletes by itself. */
export class Networks {
  readonly #options: MemoryCpiOptions;
  readonly #inventory: Inventory;

  constructor(options: MemoryCpiOptions, inventory: Inventory) {
    this.#options = options;
    this.#inventory = inventory;
  }

  async create(spec: ManagedNetworkSpec): Promise<ManagedNetwork> {
    const unknown = this.#options.unknownCloudProperties ?? 'refuse';
    const at = { what: 'the network', error: 'CloudError', unknown } as const;
    checkCloudProperties(spec.cloudProperties, cloudPropertyKeys.network, at);
    const range = spec.range ?? this.#freeRange(spec.netmaskBits ?? netmaskBits.usual);
    const { first, size } = parseRange(range);
    const gateway = spec.gateway ?? formatAddress(first + 1);
    const at4 = Address4.isValid(gateway) ? Number(new Address4(gateway).bigInt()) : -1;
    if (at4 <= first || at4 >= first + size - 1) {
      throw new CpiError('CloudError', `gateway ${gateway} is not a host of ${range}`);
    }
    const cid = this.#inventory.freshCid('networks', 'network');
    await this.#inventory.commit({ put: 'networks', value: { cid, range, gateway } });
    return { cid, range, gateway, reserved: [], cloudProperties: { ...spec.cloudProperties, network: cid } };
  }

  async delete(cid: NetworkCid): Promise<void> {
    if (this.#inventory.get('networks', cid) === undefined) {
      throw new CpiError('NetworkNotFound', `network ${cid} not found`, { details: { networkCid: cid } });
    }
    for (const vm of this.#inventory.all('vms')) {
      const uses = Object.values(vm.networks).some(
        (used) => textProperty(used.cloud_properties ?? {}, 'network') === cid,
      );
      if (uses) throw new CpiError('CloudError', `network ${cid} is in use by VM ${vm.cid}`);
    }
    await this.#inventory.commit({ del: 'networks', cid });
  }

  /** The first of this size that touches no other managed network. */
  #freeRange(bits: number): string {
    if (!Number.isSafeInteger(bits) || bits < netmaskBits.min || bits > netmaskBits.max) {
      throw new CpiError('CloudError', `netmask_bits is ${bits}, and must be ${netmaskBits.min} to ${netmaskBits.max}`);
    }
    const all = parseRange(this.#options.managedRange ?? '10.192.0.0/10');
    const size = 2 ** (32 - bits);
    const taken = [...this.#inventory.all('networks')]
      .map(({ range }) => parseRange(range))
      .sort((a, b) => a.first - b.first);
    let first = all.first;
    for (const other of taken) {
      if (other.first >= first + size) break;
      first = Math.max(first, Math.ceil((other.first + other.size) / size) * size);
    }
    if (first + size > all.first + all.size) {
      throw new CpiError('CloudError', `no room for a network of /${bits} in ${formatAddress(all.first)}/${all.bits}`);
    }
    return `${formatAddress(first)}/${bits}`;
  }
}
