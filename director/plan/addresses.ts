import { OperatorError } from '../../common/errors.ts';
import type { InstanceId } from '../../common/ids.ts';
import { IpSet, lowestFree } from '../../manifests/ip-set.ts';
import type { GroupNetwork, InstanceGroup } from '../../manifests/instance-group.ts';
import type { ManualNetwork, ManualSubnet, Network, VipNetwork } from '../../manifests/networks.ts';
import type { IpAddress } from '../store/instances.ts';
import type { Placement } from './placed.ts';

/** What of an instance group decides about addresses; compilation machines have no more than this. */
export type NetworkedGroup = Pick<InstanceGroup, 'name' | 'networks'>;

export interface TakenAddress {
  address: string;
  /** Null: nobody gets it, whoever it is. */
  instanceId: InstanceId | null;
  /** Whom a message names, where that is no instance. */
  holder?: string;
}

/** One network of one instance. */
export interface Reservation {
  network: string;
  /** Null: the infrastructure chooses. */
  address: string | null;
  static: boolean;
  /** The instance has it already: nothing changes for its VM. */
  held: boolean;
  /** Its row says the same; else it is written. */
  recorded: boolean;
}

/**
 * Every address in use in the director, and who has it. Addresses that a plan gives up stay taken in that plan:
 * their VM still uses them when the next one is made.
 */
export class AddressBook {
  readonly #holders: Map<string, TakenAddress>;
  readonly #taken: IpSet;
  readonly #labels: Map<InstanceId, string>;

  /** @param labels of instances that a message may name */
  constructor(addresses: readonly TakenAddress[], labels: ReadonlyMap<InstanceId, string> = new Map()) {
    this.#labels = new Map(labels);
    this.#holders = new Map(addresses.map((taken) => [taken.address, taken]));
    this.#taken = IpSet.of(this.#holders.keys());
  }

  /** Keeps what the instance has where it still fits, and chooses the lowest free address elsewhere. */
  reserve(
    group: NetworkedGroup,
    placement: Placement,
    id: InstanceId,
    networks: ReadonlyMap<string, Network>,
  ): { reservations: Reservation[]; obsoleteAddresses: string[] } {
    this.#labels.set(id, `${group.name}/${id}`);
    const unplaced = new Map((placement.existing?.ips ?? []).map((ip) => [ip.address, ip]));
    const reservations = group.networks.map((groupNetwork): Reservation => {
      const network = networks.get(groupNetwork.name);
      if (network === undefined || network.type === 'dynamic') {
        return { network: groupNetwork.name, address: null, static: false, held: false, recorded: false };
      }
      if (network.type === 'vip') return this.#reserveVip({ group, groupNetwork, network, placement, id }, unplaced);
      const wantedIp = placement.staticIps.get(groupNetwork.name);
      if (wantedIp !== undefined) return this.#reserveStatic({ group, network, id, address: wantedIp }, unplaced);
      return this.#keep(network, placement, unplaced) ?? this.#choose({ group, network, placement, id });
    });
    return { reservations, obsoleteAddresses: [...unplaced.keys()] };
  }

  #take(address: string, id: InstanceId): void {
    this.#holders.set(address, { address, instanceId: id });
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
      return keptAs(held, network.name, true);
    }
    this.#checkFree(group, address, id);
    this.#take(address, id);
    return chosenAs(address, network.name, true);
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
      return keptAs(held, network.name, held.static);
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
    return chosenAs(free, network.name, groupNetwork.staticIps !== null);
  }

  /** One that it has on this network, else one that it has on another and that would fit here, too. */
  #keep(network: ManualNetwork, placement: Placement, unplaced: Map<string, IpAddress>): Reservation | undefined {
    const subnets = subnetsIn(network, placement.az);
    const fitting = [...unplaced.values()].filter(({ address }) => subnets.some((subnet) => admits(subnet, address)));
    const kept = fitting.find((ip) => ip.network === network.name) ?? fitting[0];
    if (kept === undefined) return undefined;
    unplaced.delete(kept.address);
    return keptAs(kept, network.name, false);
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
      return chosenAs(address, network.name, false);
    }
    const where = placement.az === null ? '' : ` in AZ "${placement.az}"`;
    refuse(group, 'no-address-left', 130011, `network "${network.name}" has no address left${where}`);
  }

  #checkFree(group: NetworkedGroup, address: string, id: InstanceId): void {
    const taken = this.#holders.get(address);
    if (taken === undefined || taken.instanceId === id) return;
    refuse(group, 'address-taken', 130008, `IP ${address} is in use by ${this.#nameOf(taken)}`);
  }

  #nameOf({ instanceId, holder }: TakenAddress): string {
    if (instanceId === null) return holder ?? 'nobody knows whom';
    return this.#labels.get(instanceId) ?? `instance ${instanceId} of another deployment`;
  }
}

/** Whether an address is static is for cloud config and manifest to say anew each time; its VM does not care. */
function keptAs(ip: IpAddress, network: string, isStatic: boolean): Reservation {
  const recorded = ip.network === network && ip.static === isStatic;
  return { network, address: ip.address, static: isStatic, held: true, recorded };
}

function chosenAs(address: string, network: string, isStatic: boolean): Reservation {
  return { network, address, static: isStatic, held: false, recorded: false };
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
        : 'Choose another address, or free this one first. `bosh vms` and `bosh orphaned-vms` list who has which.',
    details: { boshCode, group: group.name },
  });
}

/** The instances' own row form of what a layout reserves anew. */
export function newAddresses(instance: {
  id: InstanceId;
  reservations: readonly Reservation[];
}): Array<Omit<IpAddress, 'taskId'>> {
  return instance.reservations.flatMap(({ address, network, static: isStatic, recorded }) =>
    address === null || recorded ? [] : [{ address, network, static: isStatic, instanceId: instance.id }],
  );
}
