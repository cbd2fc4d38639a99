import { mapped } from '../../../common/in-turns.ts';
import type { NetworkSettings } from '../../../agent/protocol.ts';
import type { LinkConsumption } from '../../../manifests/links.ts';
import type { ProviderContent } from '../../store/links.ts';
import { addressOf } from '../addressing.ts';
import type { Numbers } from '../dns-names.ts';
import type { GroupLayout, LaidOutInstance } from '../layout.ts';
import { addressableNetwork, networkSettings } from '../network-settings.ts';
import type { WantedDeployment } from '../wanted.ts';
import { linkGroupName, type Offer } from './offers.ts';

type Addresses = Readonly<Record<string, string | null>>;

interface DescribedInstance {
  [key: string]: unknown;
  address: string | null;
  addresses: Addresses;
  dns_addresses: Addresses;
}

/**
 * What a provider tells, with the addresses of all networks, of which each consumer gets those that it asks for. In
 * BOSH's keys and their order; it is stored like this. Source: deployment_plan/link.rb, disk_link.rb.
 */
export function* describing(
  wanted: WantedDeployment,
  offer: Offer,
  numbers: Numbers,
): Generator<void, ProviderContent> {
  const { source, key } = offer;
  if (source.kind === 'recorded') return source.content ?? {};
  if (source.kind === 'disk')
    return { deployment_name: wanted.name, properties: { name: key.name }, networks: [], instances: [] };
  const { group } = source.group.wanted;
  const chosen = addressableNetwork(group);
  const { dns } = wanted;
  return {
    deployment_name: wanted.name,
    domain: dns.domain,
    default_network: chosen,
    networks: offer.networks,
    instance_group: group.name,
    properties: source.properties,
    use_short_dns_addresses: dns.useShort,
    use_dns_addresses: dns.useAddresses,
    use_link_dns_names: dns.useLinkNames,
    instances: yield* mapped(source.group.instances, (instance): DescribedInstance => {
      const inNetworks = addressesOf(wanted, { offer, group: source.group, instance, numbers });
      const addresses = inNetworks(false);
      const names = inNetworks(true);
      return {
        name: group.name,
        id: instance.id,
        index: instance.index,
        bootstrap: instance.bootstrap,
        az: instance.az,
        address: (chosen === null ? null : (dns.useAddresses ? names : addresses)[chosen]) ?? null,
        addresses,
        dns_addresses: names,
      };
    }),
  };
}

function addressesOf(
  wanted: WantedDeployment,
  {
    offer,
    group,
    instance,
    numbers,
  }: { offer: Offer; group: GroupLayout; instance: LaidOutInstance; numbers: Numbers },
): (prefersName: boolean) => Addresses {
  const { useLinkNames, useShort } = wanted.dns;
  const named = useLinkNames
    ? ({ type: 'link', name: linkGroupName(offer) } as const)
    : ({ type: 'instance-group', name: group.wanted.group.name } as const);
  const reported = instance.existing?.agent.kind === 'answered' ? (instance.existing.agent.state.networks ?? {}) : {};
  const settings: Record<string, NetworkSettings> = networkSettings(
    group.wanted.group,
    instance,
    wanted.cloud.networks,
    reported,
  );
  return (prefersName) =>
    Object.fromEntries(
      Object.entries(settings).map(([network, own]) => [
        network,
        addressOf(
          {
            deployment: wanted,
            instance: instance.id,
            group: named,
            short: useLinkNames || useShort,
            network,
            settings: own,
          },
          prefersName,
          numbers,
        ),
      ]),
    );
}

/** How a consumer wants to be told. */
export type Wish = Pick<Extract<LinkConsumption, { kind: 'from' }>, 'network' | 'ipAddresses'>;

export type LinkContent = Readonly<Record<string, unknown>>;

/**
 * What one consumer is told: one address of each instance. @returns `lacking`: instances that it would have by name and
 * gets by address. Source: update_addresses of links_manager.rb.
 */
export function contentFor(
  content: ProviderContent,
  { network, ipAddresses }: Wish,
  usesNames: boolean,
): { content: LinkContent; lacking: string[] } {
  if (!Object.hasOwn(content, 'default_network')) return { content, lacking: [] }; // a disk
  const chosen = network ?? (content['default_network'] as string); // `describing` wrote all of it
  const instances = content['instances'] as readonly DescribedInstance[];
  const byName = ipAddresses === null ? content['use_dns_addresses'] === true : !ipAddresses;
  const lacking: string[] = [];
  const told = instances.map(({ addresses, dns_addresses: names, ...instance }) => {
    const address = (byName ? names : addresses)[chosen] ?? null;
    if ((ipAddresses === null ? usesNames : !ipAddresses) && isIp(address))
      lacking.push(`${String(instance['name'])}/${String(instance['id'])}`);
    return { ...instance, address };
  });
  return { content: { ...content, default_network: chosen, instances: told }, lacking };
}

function isIp(address: string | null): boolean {
  return address !== null && (/^[\d.]+$/.test(address) || address.includes(':'));
}
