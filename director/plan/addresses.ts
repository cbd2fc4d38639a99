import { OperatorError } from '../../common/errors.ts';
import type { InstanceId } from '../../common/ids.ts';
import { IpSet, lowestFree } from '../../manifests/ip-set.ts';
import type { GroupNetwork, InstanceGroup } from '../../manifests/instance-group.ts';
import type { ManualNetwork, ManualSubnet, Network, VipNetwork } from '../../manifests/networks.ts';
import type { IpAddress } from '../store/instances.ts';
import type { Placement } from './placed.ts';

/** What of an instance group decides about addresses; compilation machines have no more than this. */
export type NetworkedGroup = Pick<InstanceGroup, 'name' | 'networks'>;

/** One network of one instance. */
export interface Reservation {
  network: string;
  /** Null: the infrastructure chooses. */
  address: string | null;
  static: boolean;
  /** True: the instance holds it already. */
  held: boolean;
}

/**
 * Every address in use in the director, and who has it. Addresses that a plan gives up stay taken in that plan:
 * their VM still uses them when the next one is made.
 */
export class AddressBook {
  readonly #holders: Map<string, InstanceId>;
  readonly #taken: IpSet;

  constructor(addresses: readonly IpAddress[]) {
    this.#holders = new Map(addresses.map(({ address, instanceId }) => [address, instanceId]));
    this.#taken = IpSet.of(this.#holders.keys());
  }

  /** Keeps what the instance has where it still fits, and chooses the lowest free address elsewhere. */
  reserve(
    group: NetworkedGroup,
    placement: Placement,
    id: InstanceId,
    networks: ReadonlyMap<string, Network>,
  ): { reservations: Reservation[]; obsoleteAddresses: string[] } {
    const unplaced = new Map((placement.existing?.ips ?? []).map((ip) => [ip.address, ip]));
    const reservations = group.networks.map((groupNetwork): Reservation => {
      const network = networks.get(groupNetwork.name);
      if (network === undefined || network.type === 'dynamic') {
        return { network: groupNetwork.name, address: null, static: false, held: false };
      }
      if (network.type === 'vip') return this.#reserveVip({ group, groupNetwork, network, placement, id }, unplaced);
      const wantedIp = placement.staticIps.get(groupNetwork.name);
      if (wantedIp !== undefined) return this.#reserveStatic({ group, network, id, address: wantedIp }, unplaced);
      return this.#keep(network, placement, unplaced) ?? this.#choose({ group, network, placement, id });
    });
    return { reservations, obsoleteAddresses: [...unplaced.keys()] };
  }

  #take(address: string, id: InstanceId): void {
    this.#holders.set(address, id);
    this.#taken.add(singleOf(address));
  }

  #reserveStatic(
    { group, network, id, address }: { group: NetworkedGroup; network: ManualNetwork; id: InstanceId; address: string },
    unplaced: Map<string, IpAddress>,
  ): Reservation {
    const subnet = network.subnets.find(({ statics }) => statics.has(address));
    if (subnet?.restricted.has(address) === true) {
      refuse(
        group,
        'address-reserved',
        130013,
        `static IP ${address} is in a reserved range of network "${network.name}"`,
      );
    }
    const held = unplaced.get(address);
    if (held !== undefined) {
      unplaced.delete(address);
      return { network: network.name, address, static: true, held: held.static && held.network === network.name };
    }
    this.#checkFree(group, address, id);
    this.#take(address, id);
    return { network: network.name, address, static: true, held: false };
  }

  #reserveVip(
    at: {
      group: NetworkedGroup;
      groupNetwork: GroupNetwork;
      network: VipNetwork;
      placement: Placement;
      id: InstanceId;
    },
    unplaced: Map<string, IpAddress>,
  ): Reservation {
    const { group, groupNetwork, network, placement, id } = at;
    const held = [...unplaced.values()].find((ip) => ip.network === network.name && fitsVip(at, ip.address));
    if (held !== undefined) {
      unplaced.delete(held.address);
      return { network: network.name, address: held.address, static: held.static, held: true };
    }
    const free =
      groupNetwork.staticIps === null
        ? network.subnets
            .filter(({ azs }) => azs === null || placement.az === null || azs.includes(placement.az))
            .flatMap(({ statics }) => statics.ranges())
            .map((range) => lowestFree(range, [this.#taken]))
            .find((address) => address !== undefined)
        : groupNetwork.staticIps.find((address) => !this.#taken.has(address));
    if (free === undefined) refuse(group, 'no-address-left', 130011, `network "${network.name}" has no address left`);
    this.#take(free, id);
    return { network: network.name, address: free, static: groupNetwork.staticIps !== null, held: false };
  }

  #keep(network: ManualNetwork, placement: Placement, unplaced: Map<string, IpAddress>): Reservation | undefined {
    for (const ip of unplaced.values()) {
      const subnet = subnetsIn(network, placement.az).find((candidate) => admits(candidate, ip.address));
      if (subnet === undefined || ip.static) continue;
      unplaced.delete(ip.address);
      return { network: network.name, address: ip.address, static: false, held: ip.network === network.name };
    }
    return undefined;
  }

  #choose({
    group,
    network,
    placement,
    id,
  }: {
    group: NetworkedGroup;
    network: ManualNetwork;
    placement: Placement;
    id: InstanceId;
  }): Reservation {
    for (const subnet of subnetsIn(network, placement.az)) {
      if (subnet.range === null) continue;
      const address = lowestFree(subnet.range, [this.#taken, subnet.restricted, subnet.statics], subnet.prefix);
      if (address === undefined) continue;
      this.#take(address, id);
      return { network: network.name, address, static: false, held: false };
    }
    const where = placement.az === null ? '' : ` in AZ "${placement.az}"`;
    refuse(group, 'no-address-left', 130011, `network "${network.name}" has no address left${where}`);
  }

  #checkFree(group: NetworkedGroup, address: string, id: InstanceId): void {
    const holder = this.#holders.get(address);
    if (holder === undefined || holder === id) return;
    refuse(group, 'address-taken', 130008, `IP ${address} is in use by instance ${holder}`);
  }
}

function fitsVip(
  { groupNetwork, network, placement }: { groupNetwork: GroupNetwork; network: VipNetwork; placement: Placement },
  address: string,
): boolean {
  if (groupNetwork.staticIps !== null) return groupNetwork.staticIps.includes(address);
  return network.subnets.some(
    ({ statics, azs }) => statics.has(address) && (azs === null || placement.az === null || azs.includes(placement.az)),
  );
}

export function subnetsIn(network: ManualNetwork, az: string | null): readonly ManualSubnet[] {
  return az === null ? network.subnets : network.subnets.filter(({ azs }) => azs === null || azs.includes(az));
}

function admits(subnet: ManualSubnet, address: string): boolean {
  return (
    subnet.range !== null &&
    IpSet.of([subnet.range]).has(address) &&
    !subnet.restricted.has(address) &&
    !subnet.statics.has(address)
  );
}

function singleOf(address: string) {
  const [range] = IpSet.of([address]).ranges();
  if (range === undefined) throw new Error(`"${address}" is no address`);
  return range;
}

function refuse(group: NetworkedGroup, code: string, boshCode: number, what: string): never {
  throw new OperatorError(`instance group ${group.name}: ${what}`, {
    code,
    hint:
      code === 'no-address-left'
        ? 'Make the range larger in the cloud config, reserve less of it, or ask for fewer instances.'
        : 'Choose another address, or free this one first. `bosh vms` lists who has which.',
    details: { boshCode, group: group.name },
  });
}

/** The instances' own row form of what a layout reserves anew. */
export function newAddresses(instance: {
  id: InstanceId;
  reservations: readonly Reservation[];
}): Array<Omit<IpAddress, 'taskId'>> {
  return instance.reservations.flatMap(({ address, network, static: isStatic, held }) =>
    address === null || held ? [] : [{ address, network, static: isStatic, instanceId: instance.id }],
  );
}
