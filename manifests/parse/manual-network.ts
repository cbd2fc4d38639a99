import { IpSet } from '../ip-set.ts';
import {
  blocksOf,
  contains,
  formatCidr,
  formatIp,
  netmaskOf,
  overlaps,
  parseCidr,
  rangeOf,
  rangeSize,
  type Cidr,
  type IpRange,
} from '../ip.ts';
import type { ManualNetwork, ManualSubnet } from '../networks.ts';
import type { CloudConfigOptions } from '../options.ts';
import { readNameServers, readRanges } from './ip-lists.ts';
import { boshCodes, type Section } from './section.ts';
import { readSubnetAzs } from './subnet-azs.ts';

const codes = {
  overlapping: 160001,
  badRange: 160002,
  badGateway: 160003,
  reservedOutside: 160005,
  badStatic: 160006,
  prefixTooBig: 16013,
  prefixesDiffer: 16014,
  mixedAzs: 140016,
} as const;

/** Source: manual_network.rb, manual_network_subnet.rb. */
export function parseManualNetwork(
  network: Section,
  names: { name: string; canonicalName: string },
  azs: ReadonlySet<string>,
  options: CloudConfigOptions,
): ManualNetwork {
  network.knows(['name', 'type', 'subnets', 'managed']);
  const managed = options.managedNetworks === true && network.raw('managed') === true;
  const sections = network.sections('subnets');
  const subnets = sections.map((section) => parseSubnet(section, azs, { ...options, managed }));
  sections.forEach((section, i) => compareWithEarlier(section, subnets, i));
  if (new Set(subnets.map((subnet) => subnet.azs === null)).size > 1) {
    network.fault('subnets', {
      message: 'either every subnet names its AZs or none does',
      boshCode: codes.mixedAzs,
    });
  }
  return { type: 'manual', ...names, managed, prefix: subnets[0]?.prefix ?? 32, subnets };
}

function compareWithEarlier(section: Section, subnets: readonly ManualSubnet[], i: number): void {
  const subnet = subnets[i];
  if (subnet === undefined) return;
  subnets.slice(0, i).forEach((other, j) => {
    if (subnet.range !== null && other.range !== null && overlaps(subnet.range, other.range)) {
      section.fault('range', {
        message: `${formatCidr(subnet.range)} overlaps ${formatCidr(other.range)} of subnet ${j}`,
        boshCode: codes.overlapping,
      });
    }
  });
  const first = subnets[0]?.prefix;
  if (first !== undefined && first !== subnet.prefix) {
    section.fault(section.has('prefix') ? 'prefix' : null, {
      message: `its addresses have prefix ${subnet.prefix}, those of the first subnet ${first}`,
      boshCode: codes.prefixesDiffer,
      suggestion: 'all subnets of a network have the same',
    });
  }
}

type SubnetOptions = CloudConfigOptions & { managed: boolean };

function parseSubnet(subnet: Section, azs: ReadonlySet<string>, options: SubnetOptions): ManualSubnet {
  subnet.knows([
    'name',
    'range',
    'gateway',
    'dns',
    'reserved',
    'static',
    'az',
    'azs',
    'cloud_properties',
    'prefix',
    'netmask_bits',
  ]);
  const range = readSubnetRange(subnet, options.managed);
  const gateway = readGateway(subnet, range, options);
  const restricted = range === null ? new IpSet() : readRestricted(subnet, range, gateway, options);
  const prefix = readPrefix(subnet, range);
  return {
    name: options.managed ? subnet.text('name') : subnet.optionalText('name'),
    range,
    gateway: gateway === null ? null : formatIp({ family: gateway.family, n: gateway.first }),
    netmask: range === null ? null : netmaskOf(range),
    dns: readNameServers(subnet),
    azs: readSubnetAzs(subnet, azs),
    cloudProperties: subnet.freeMap('cloud_properties'),
    restricted,
    statics: range === null ? new IpSet() : readStatics(subnet, range, restricted),
    prefix,
    netmaskBits: subnet.optionalInteger('netmask_bits'),
  };
}

function readSubnetRange(subnet: Section, managed: boolean): Cidr | null {
  const text = managed ? subnet.optionalText('range') : subnet.text('range');
  if (text === null || text === '') return null;
  const range = parseCidr(text);
  if (range !== undefined && rangeSize(range) > 1n) return range;
  const message = range === undefined ? `"${text}" is no CIDR` : `${text} holds a single address`;
  subnet.fault('range', {
    message,
    boshCode: codes.badRange,
    suggestion: 'write the network and the length of its prefix, like 10.0.0.0/24',
  });
  return null;
}

function readGateway(subnet: Section, range: Cidr | null, options: SubnetOptions): IpRange | null {
  const optional = options.managed || options.ignoreMissingGateway === true;
  const text = optional ? subnet.optionalText('gateway') : subnet.text('gateway');
  if (text === null || text === '' || range === null) return null;
  const gateway = parseCidr(text);
  const reason =
    gateway === undefined || rangeSize(gateway) !== 1n
      ? 'is no single IP address'
      : !contains(range, gateway)
        ? `is outside of ${formatCidr(range)}`
        : gateway.first === range.first
          ? `is the address of the network itself`
          : gateway.first === range.last
            ? 'is the broadcast address'
            : undefined;
  if (reason === undefined) return gateway ?? null;
  subnet.fault('gateway', { message: `${text} ${reason}`, boshCode: codes.badGateway });
  return null;
}

/** The first and the last address, the gateway, the director's own, and the reserved ones. */
function readRestricted(subnet: Section, range: Cidr, gateway: IpRange | null, options: SubnetOptions): IpSet {
  const { family, first, last } = range;
  const restricted = IpSet.of([rangeOf({ family, n: first }), rangeOf({ family, n: last })]);
  if (gateway !== null) restricted.add(gateway);
  for (const own of IpSet.of(options.directorIps ?? []).ranges()) if (own.family === family) restricted.add(own);
  for (const { range: reserved, text } of readRanges(subnet, 'reserved')) {
    if (contains(range, reserved)) restricted.add(reserved);
    else {
      subnet.fault('reserved', {
        message: `${text} is outside of ${formatCidr(range)}`,
        boshCode: codes.reservedOutside,
      });
    }
  }
  return restricted;
}

function readStatics(subnet: Section, range: Cidr, restricted: IpSet): IpSet {
  const statics = new IpSet();
  for (const { range: wanted, text } of readRanges(subnet, 'static')) {
    if (!contains(range, wanted)) {
      subnet.fault('static', { message: `${text} is outside of ${formatCidr(range)}`, boshCode: codes.badStatic });
      continue;
    }
    // BOSH looks at the blocks that make up a range one by one: only one that is reserved as a whole stops it.
    if (blocksOf(wanted).some((block) => restricted.covers(block))) {
      subnet.fault('static', {
        message: `${text} holds addresses that are reserved`,
        boshCode: codes.badStatic,
        suggestion: 'the first, the last and the gateway of a subnet are reserved too',
      });
      continue;
    }
    if (restricted.firstOverlap(wanted) !== undefined) {
      subnet.warn('static', { message: `some of ${text} is reserved and will never be given out` });
    }
    statics.add(wanted);
  }
  return statics;
}

function readPrefix(subnet: Section, range: Cidr | null): number {
  const whole = range?.family === 6 ? 128 : 32;
  const value = subnet.raw('prefix');
  if (value === undefined || value === null) return whole;
  const prefix = Number(value);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > whole) {
    subnet.fault('prefix', { message: `it must be a length from 0 to ${whole}`, boshCode: boshCodes.wrongType });
    return whole;
  }
  if (range !== null && range.prefix > prefix) {
    subnet.fault('prefix', {
      message: `a block of /${prefix} doesn't fit into ${formatCidr(range)}`,
      boshCode: codes.prefixTooBig,
    });
  }
  return prefix;
}
