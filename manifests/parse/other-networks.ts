import { IpSet } from '../ip-set.ts';
import type { DynamicNetwork, DynamicSubnet, VipNetwork, VipSubnet } from '../networks.ts';
import { readNameServers, readRanges } from './ip-lists.ts';
import type { Section } from './section.ts';
import { readSubnetAzs } from './subnet-azs.ts';

const badProperty = 160008;
/** Dynamic networks are IPv4 alone, and give single addresses. */
const singleAddress = 32;

type Names = { name: string; canonicalName: string };

/** Source: dynamic_network.rb. */
export function parseDynamicNetwork(network: Section, names: Names, azs: ReadonlySet<string>): DynamicNetwork {
  network.knows(['name', 'type', 'subnets', 'dns', 'cloud_properties', 'az', 'azs', 'managed', 'prefix']);
  for (const key of ['az', 'azs', 'managed', 'prefix']) {
    if (!network.has(key)) continue;
    const suggestion = key.startsWith('az') ? 'put it into an entry of "subnets"' : 'leave it out';
    network.fault(key, { message: `a dynamic network has no "${key}"`, boshCode: badProperty, suggestion });
  }
  return { type: 'dynamic', ...names, prefix: singleAddress, subnets: dynamicSubnets(network, azs) };
}

function dynamicSubnets(network: Section, azs: ReadonlySet<string>): DynamicSubnet[] {
  if (!network.has('subnets')) {
    return [{ dns: readNameServers(network), azs: null, cloudProperties: network.freeMap('cloud_properties') }];
  }
  for (const key of ['dns', 'cloud_properties']) {
    if (!network.has(key)) continue;
    network.fault(key, {
      message: `a network with "subnets" has no "${key}" of its own`,
      boshCode: badProperty,
      suggestion: 'put it into the entries of "subnets"',
    });
  }
  return network.optionalSections('subnets').map((subnet) => {
    subnet.knows(['name', 'dns', 'az', 'azs', 'cloud_properties', 'prefix']);
    if ((subnet.optionalInteger('prefix') ?? singleAddress) !== singleAddress) {
      subnet.fault('prefix', { message: 'a dynamic network has no "prefix" but 32', boshCode: badProperty });
    }
    return {
      dns: readNameServers(subnet),
      azs: readSubnetAzs(subnet, azs),
      cloudProperties: subnet.freeMap('cloud_properties'),
    };
  });
}

/** Source: vip_network.rb. */
export function parseVipNetwork(network: Section, names: Names, azs: ReadonlySet<string>): VipNetwork {
  network.knows(['name', 'type', 'subnets', 'cloud_properties']);
  const subnets = network.optionalSections('subnets').map((section) => parseVipSubnet(section, azs));
  return {
    type: 'vip',
    ...names,
    prefix: singleAddress,
    cloudProperties: network.freeMap('cloud_properties'),
    subnets,
  };
}

function parseVipSubnet(subnet: Section, azs: ReadonlySet<string>): VipSubnet {
  subnet.knows(['static', 'az', 'azs', 'prefix']);
  subnet.optionalList('static'); // a text alone is a fault here, unlike in a manual network
  const statics = IpSet.of(readRanges(subnet, 'static').map(({ range }) => range));
  return { statics, azs: readSubnetAzs(subnet, azs) };
}
