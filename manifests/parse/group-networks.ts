import { didYouMean } from '../../common/suggest.ts';
import type { GroupNetwork, NetworkDefault } from '../instance-group.ts';
import { addressesOf, formatIp, rangeSize } from '../ip.ts';
import { IpSet } from '../ip-set.ts';
import { readRanges } from './ip-lists.ts';
import { describe, type Section } from './section.ts';

const codes = {
  none: 140009,
  countMismatch: 150002,
  badDefault: 150003,
  twoDefaults: 150004,
  noDefault: 150005,
  repeatedIp: 150009,
} as const;

const required: readonly NetworkDefault[] = ['dns', 'gateway'];
const defaults: readonly NetworkDefault[] = [...required, 'addressable'];

/** The `networks` of an instance group. Source: instance_group_networks_parser.rb. */
export function parseGroupNetworks(group: Section, instances: number): GroupNetwork[] {
  const sections = group.sections('networks');
  const given = group.raw('networks');
  if (given === null || (Array.isArray(given) && given.length === 0)) {
    group.fault('networks', { message: 'an instance group needs at least one network', boshCode: codes.none });
  }
  const networks = sections.map((section) => parseGroupNetwork(section, instances));
  const [only, ...others] = networks;
  if (only !== undefined && others.length === 0) {
    return [{ ...only, defaultFor: [...required] }]; // the one network serves whatever it was said to serve
  }
  if (networks.length > 1) checkDefaults(group, networks);
  return networks;
}

function parseGroupNetwork(section: Section, instances: number): GroupNetwork {
  section.knows(['name', 'static_ips', 'default', 'nic_group']);
  const nicGroup = section.optionalText('nic_group');
  return {
    name: section.text('name'),
    staticIps: readStaticIps(section, instances),
    defaultFor: readDefaults(section),
    nicGroup: nicGroup === null ? null : Number.parseInt(nicGroup, 10) || 0, // as Ruby's to_i
  };
}

function readDefaults(section: Section): NetworkDefault[] {
  return section.optionalList('default').flatMap((value, i) => {
    const known = defaults.find((candidate) => candidate === value);
    if (known !== undefined) return [known];
    section.collector.fault(section.document, [...section.path, 'default', i], {
      message: `${describe(value)} is nothing that a network can be the default for: ${defaults.join(', ')}`,
      boshCode: codes.badDefault,
      ...(typeof value === 'string' ? didYouMean(value, defaults) : {}),
    });
    return [];
  });
}

/** Written out only when their number is right, so that a mistyped range of millions costs nothing. */
function readStaticIps(section: Section, instances: number): string[] | null {
  const value = section.raw('static_ips');
  if (value === undefined || value === null || value === false) return null;
  const seen = new IpSet();
  const ranges = readRanges(section, 'static_ips');
  for (const { range, text } of ranges) {
    const again = seen.firstOverlap(range);
    if (again !== undefined) {
      const first = again.first > range.first ? again.first : range.first;
      const ip = formatIp({ family: range.family, n: first });
      const message = ip === text ? `${ip} is there twice` : `${ip} is there twice, once in ${text}`;
      section.fault('static_ips', { message, boshCode: codes.repeatedIp });
    }
    seen.add(range);
  }
  const count = ranges.reduce((sum, { range }) => sum + rangeSize(range), 0n);
  if (count === BigInt(instances)) return ranges.flatMap(({ range }) => [...addressesOf(range)]);
  section.fault('static_ips', {
    message: `there are ${count} static IPs for ${instances} instances`,
    boshCode: codes.countMismatch,
    suggestion: 'give as many as "instances" says',
  });
  return null;
}

function checkDefaults(group: Section, networks: readonly GroupNetwork[]): void {
  for (const property of defaults) {
    const chosen = networks.filter((network) => network.defaultFor.includes(property));
    if (chosen.length > 1) {
      const names = chosen.map(({ name }) => `"${name}"`).join(', ');
      group.fault('networks', {
        message: `only one network may be the default for ${property}, but ${names} are`,
        boshCode: codes.twoDefaults,
      });
    }
  }
  const missing = required.filter((property) => !networks.some(({ defaultFor }) => defaultFor.includes(property)));
  if (missing.length === 0) return;
  group.fault('networks', {
    message: `with several networks, one must be the default for ${missing.join(' and one for ')}`,
    boshCode: codes.noDefault,
    suggestion: `add "default: [${missing.join(', ')}]" to one of them`,
  });
}
