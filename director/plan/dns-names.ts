import { canonicalName } from '../../manifests/canonical-name.ts';
import type { InstanceId } from '../../common/ids.ts';
import type { DnsGroup, DnsNumbers } from '../store/dns.ts';

/** The numbers of one moment. */
export interface Numbers {
  azs: ReadonlyMap<string, number>;
  networks: ReadonlyMap<string, number>;
  /** By `groupKey`. */
  groups: ReadonlyMap<string, number>;
  /** The same as programs of other languages get it. */
  groupList: ReadonlyArray<readonly [type: DnsGroup['type'], name: string, deployment: string, number: number]>;
  /** By id, of those that have a row. */
  instances: ReadonlyMap<string, number>;
}

export function numbersOf({ azs, networks, groups }: DnsNumbers, instances: ReadonlyMap<string, number>): Numbers {
  return {
    azs,
    networks,
    groups: new Map(groups.map((group) => [groupKey(group, group.deployment), group.number])),
    groupList: groups.map(({ type, name, deployment, number }) => [type, name, deployment, number]),
    instances,
  };
}

export type HealthStatus = 'healthy' | 'unhealthy' | 'all' | 'default';

export interface DnsQuery {
  group: DnsGroup;
  deployment: string;
  network: string;
  domain: string;
  /** Just this one of the group. */
  instance?: InstanceId;
  azs?: readonly string[];
  status?: HealthStatus;
  /** By numbers, for programs that take no long names. */
  short: boolean;
}

const statusNumbers: Readonly<Record<HealthStatus, number>> = { healthy: 3, unhealthy: 1, all: 4, default: 0 };

/**
 * A name that machines' DNS servers resolve to the instances that match. Source: dns/dns_encoder.rb.
 * @throws Error when there is no number yet for what the name needs one for
 */
export function dnsQueryName(query: DnsQuery, numbers: Numbers): string {
  const { group, deployment, network, domain, instance, short } = query;
  const first = instance !== undefined && !short ? instance : `q-${slug(query, numbers)}`;
  if (short) return `${first}.q-g${numberOf(numbers.groups, groupKey(group, deployment), 'group')}.${domain}`;
  return [first, ...[group.name, network, deployment].map(canonicalName), domain].join('.');
}

function slug({ azs = [], instance, network, status = 'default', short }: DnsQuery, numbers: Numbers): string {
  const criteria = azs.map((az) => `a${numberOf(numbers.azs, az, 'AZ')}`);
  if (short) {
    if (instance !== undefined) criteria.push(`m${numberOf(numbers.instances, instance, 'instance')}`);
    criteria.push(`n${numberOf(numbers.networks, network, 'network')}`);
  }
  criteria.push(`s${statusNumbers[status]}`);
  return criteria.sort().join('');
}

export function groupKey({ type, name }: DnsGroup, deployment: string): string {
  return `${type}\0${name}\0${deployment}`;
}

export function groupOfKey(key: string): [type: DnsGroup['type'], name: string, deployment: string] {
  return key.split('\0') as ReturnType<typeof groupOfKey>; // groupKey made it
}

function numberOf(numbers: ReadonlyMap<string, number>, name: string, what: string): number {
  const number = numbers.get(name);
  if (number === undefined) throw new Error(`DNS has no number for ${what} "${name.replaceAll('\0', ' ')}"`);
  return number;
}
