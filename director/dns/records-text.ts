import { groupBy } from '../../common/group-by.ts';
import { canonicalName } from '../../manifests/canonical-name.ts';
import type { DnsAlias, DnsNumbers, DnsRecordWithInstance } from '../store/dns.ts';

/** The columns of `record_infos`. Source: dns/dns_records.rb; agents and DNS servers find columns by these names. */
const recordKeys = [
  'id',
  'num_id',
  'instance_group',
  'group_ids',
  'az',
  'az_id',
  'network',
  'network_id',
  'deployment',
  'ip',
  'domain',
  'agent_id',
  'instance_index',
];

/**
 * `records.json`, a page of records at a time: of 10,000 instances it has some megabytes, and nobody shall wait while
 * all of it is made.
 */
export class RecordsText {
  readonly #includeIndex: boolean;
  readonly #azs: DnsNumbers['azs'];
  readonly #networks: DnsNumbers['networks'];
  readonly #groups: ReadonlyMap<string, string>;
  readonly #canonical = new Map<string, string>();
  readonly #hosts: string[] = [];
  readonly #infos: string[] = [];

  constructor(numbers: DnsNumbers, { includeIndex }: { includeIndex: boolean }) {
    this.#includeIndex = includeIndex;
    this.#azs = numbers.azs;
    this.#networks = numbers.networks;
    this.#groups = new Map(
      numbers.groups.map(({ type, name, deployment, number }) => [`${type}\0${name}\0${deployment}`, String(number)]),
    );
  }

  add(records: readonly DnsRecordWithInstance[]): void {
    if (records.length === 0) return;
    const hosts = records.flatMap((record) => this.#hostsOf(record));
    this.#hosts.push(inner(hosts));
    this.#infos.push(inner(records.map((record) => this.#infoOf(record))));
  }

  /** In parts that make up the whole. */
  parts(version: number, aliases: readonly DnsAlias[], domain: string): string[] {
    return [
      '{"records":[',
      this.#hosts.join(','),
      `],"version":${version},"record_keys":${JSON.stringify(recordKeys)},"record_infos":[`,
      this.#infos.join(','),
      `],"aliases":${JSON.stringify(aliasesByDomain(aliases, domain))}}`,
    ];
  }

  #hostsOf({ instanceId, index, group, network, deployment, domain, ip }: DnsRecordWithInstance): string[][] {
    const rest = `${this.#name(group)}.${this.#name(network)}.${this.#name(deployment)}.${domain}`;
    const byId = [ip, `${instanceId}.${rest}`];
    return this.#includeIndex ? [byId, [ip, `${index}.${rest}`]] : [byId];
  }

  #infoOf(record: DnsRecordWithInstance): unknown[] {
    const { group, deployment, network, az } = record;
    const groupIds = [
      this.#group('instance-group', group, deployment),
      ...record.links.map((link) => this.#group('link', link, deployment)),
    ];
    return [
      record.instanceId,
      String(record.number),
      this.#name(group),
      groupIds,
      az,
      az === null ? null : numberText(this.#azs, az),
      this.#name(network),
      numberText(this.#networks, network),
      this.#name(deployment),
      record.ip,
      record.domain,
      record.agentId,
      record.index,
    ];
  }

  /** Empty for one without a number, as BOSH has it: nothing finds it by number. */
  #group(type: 'instance-group' | 'link', name: string, deployment: string): string {
    return this.#groups.get(`${type}\0${name}\0${deployment}`) ?? '';
  }

  #name(name: string): string {
    const known = this.#canonical.get(name);
    if (known !== undefined) return known;
    const canonical = canonicalName(name);
    this.#canonical.set(name, canonical);
    return canonical;
  }
}

/** The text of a list without its brackets. */
function inner(list: readonly unknown[]): string {
  return JSON.stringify(list).slice(1, -1);
}

function numberText(numbers: ReadonlyMap<string, number>, name: string): string | null {
  const number = numbers.get(name);
  return number === undefined ? null : String(number);
}

function aliasesByDomain(aliases: readonly DnsAlias[], rootDomain: string): Record<string, unknown[]> {
  const byDomain = groupBy(aliases, ({ domain }) => domain);
  return Object.fromEntries(
    [...byDomain].map(([domain, targets]) => [
      domain,
      targets.map(({ groupId, healthFilter, initialHealthCheck, placeholderType }) => ({
        root_domain: rootDomain,
        group_id: String(groupId),
        health_filter: healthFilter,
        initial_health_check: initialHealthCheck,
        placeholder_type: placeholderType,
      })),
    ]),
  );
}
