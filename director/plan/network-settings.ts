import type { NetworkSettings } from '../../agent/protocol.ts';
import { contains, netmaskOf, parseIp, rangeOf } from '../../manifests/ip.ts';
import type { GroupNetwork, InstanceGroup } from '../../manifests/instance-group.ts';
import type { DynamicNetwork, ManualNetwork, Network, VipNetwork } from '../../manifests/networks.ts';
import type { LaidOutInstance } from './layout.ts';

/**
 * The networks of one instance as CPI and agent get them, by name, in BOSH's keys.
 * @param known what the agent says of its networks: addresses that the infrastructure chose
 */
export function networkSettings(
  group: Pick<InstanceGroup, 'networks'>,
  instance: Pick<LaidOutInstance, 'reservations' | 'az'>,
  networks: ReadonlyMap<string, Network>,
  known: Readonly<Record<string, NetworkSettings>> = {},
): Record<string, NetworkSettings> {
  const byName = new Map(group.networks.map((network) => [network.name, network]));
  const entries = instance.reservations.map((reservation): [string, NetworkSettings] => {
    const groupNetwork = byName.get(reservation.network);
    const network = networks.get(reservation.network);
    if (groupNetwork === undefined || network === undefined) throw new Error(`no network "${reservation.network}"`);
    switch (network.type) {
      case 'manual':
        return [network.name, manualSettings(network, groupNetwork, reservation.address ?? '')];
      case 'vip':
        return [network.name, vipSettings(network, groupNetwork, reservation.address ?? '')];
      case 'dynamic':
        return [network.name, dynamicSettings(network, groupNetwork, instance.az, known[network.name])];
    }
  });
  return Object.fromEntries(entries);
}

function manualSettings(network: ManualNetwork, groupNetwork: GroupNetwork, address: string): NetworkSettings {
  const ip = parseIp(address);
  const subnet = network.subnets.find(
    ({ range }) => ip !== undefined && range !== null && contains(range, rangeOf(ip)),
  );
  if (subnet?.range == null) throw new Error(`${address} is in no subnet of network "${network.name}"`);
  return {
    type: 'manual',
    ip: address,
    prefix: String(subnet.prefix),
    netmask: subnet.netmask ?? netmaskOf(subnet.range),
    cloud_properties: subnet.cloudProperties,
    ...defaults(groupNetwork),
    ...(groupNetwork.nicGroup === null ? {} : { nic_group: String(groupNetwork.nicGroup) }),
    ...(subnet.dns === null ? {} : { dns: [...subnet.dns] }),
    ...(subnet.gateway === null ? {} : { gateway: subnet.gateway }),
  };
}

function vipSettings(network: VipNetwork, { nicGroup }: GroupNetwork, address: string): NetworkSettings {
  return {
    type: 'vip',
    ip: address,
    prefix: String(network.prefix),
    cloud_properties: network.cloudProperties,
    ...(nicGroup === null ? {} : { nic_group: String(nicGroup) }),
  };
}

function dynamicSettings(
  network: DynamicNetwork,
  groupNetwork: GroupNetwork,
  az: string | null,
  known: NetworkSettings | undefined,
): NetworkSettings {
  const subnet = network.subnets.find(({ azs }) => az === null || azs === null || azs.includes(az));
  return {
    type: 'dynamic',
    cloud_properties: subnet?.cloudProperties ?? {},
    ...(subnet?.dns == null ? {} : { dns: [...subnet.dns] }),
    ...defaults(groupNetwork),
    ...(known?.ip === undefined ? {} : { ip: known.ip }),
    ...(known?.netmask === undefined ? {} : { netmask: known.netmask }),
    ...(known?.gateway === undefined ? {} : { gateway: known.gateway }),
  };
}

function defaults({ defaultFor }: GroupNetwork): { default?: string[] } {
  return defaultFor.length === 0 ? {} : { default: [...defaultFor].sort() };
}

/** The network whose address speaks for the instance: the addressable one, else the gateway's. */
export function addressableNetwork(group: Pick<InstanceGroup, 'networks'>): string | null {
  const by = (property: 'addressable' | 'gateway') =>
    group.networks.find(({ defaultFor }) => defaultFor.includes(property))?.name;
  return by('addressable') ?? by('gateway') ?? group.networks[0]?.name ?? null;
}
