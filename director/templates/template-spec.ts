import type { TemplateSpec } from './renderer.ts';

/** The full spec of an instance, as it is stored: more than templates may see. */
export type InstanceSpec = Readonly<Record<string, unknown>>;

/** What templates see of it; what they could not name in BOSH they cannot name here. */
const VISIBLE = [
  'deployment',
  'job',
  'index',
  'bootstrap',
  'name',
  'id',
  'az',
  'properties_need_filtering',
  'dns_domain_name',
  'persistent_disk',
  'address',
] as const;

const VISIBLE_OF_LINK = [
  'address',
  'default_network',
  'deployment_name',
  'domain',
  'group_name',
  'instance_group',
  'instances',
  'properties',
  'use_link_dns_names',
  'use_short_dns_addresses',
];

export interface JobOnInstance {
  readonly properties: Readonly<Record<string, unknown>>;
  /** Link name to its content, of this job. */
  readonly links: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly release: { readonly name: string; readonly version: string };
}

/**
 * `spec` for the templates of one job on one instance.
 * @param dnsRecordName the old-style name of the instance in one of its networks
 */
export function templateSpec(
  instance: InstanceSpec,
  job: JobOnInstance,
  dnsRecordName: (network: string) => string,
): TemplateSpec {
  const networks = instance['networks'] as Record<string, NetworkSettings>; // the store's own column
  return {
    ...pick(instance, VISIBLE),
    name: instance['name'] as string, // as above, for both
    index: instance['index'] as number,
    networks: Object.fromEntries(
      Object.entries(networks).map(([name, settings]) => [
        name,
        { ...placeholders(settings), dns_record_name: dnsRecordName(name) },
      ]),
    ),
    ip: mainIp(Object.values(networks)),
    properties: job.properties,
    links: Object.fromEntries(Object.entries(job.links).map(([name, link]) => [name, pick(link, VISIBLE_OF_LINK)])),
    release: { name: job.release.name, version: job.release.version },
  };
}

interface NetworkSettings {
  readonly type?: string;
  readonly ip?: string | null;
  readonly netmask?: string | null;
  readonly gateway?: string | null;
  readonly default?: readonly string[];
}

/** The address in the network that is `addressable`, or else in that of the gateway. */
function mainIp(networks: readonly NetworkSettings[]): string | null {
  let ip: string | null = null;
  for (const { default: defaults = [], ip: own = null } of networks) {
    if (defaults.includes('addressable') || (ip === null && defaults.includes('gateway'))) ip = own;
  }
  return ip;
}

/** Before the agent has told its dynamic address, templates get one that parses, and need no branch for it. */
function placeholders(settings: NetworkSettings): NetworkSettings {
  if (settings.type !== 'dynamic') return settings;
  const { ip, netmask, gateway } = settings;
  return { ...settings, ip: ip ?? LOOPBACK, netmask: netmask ?? LOOPBACK, gateway: gateway ?? LOOPBACK };
}

const LOOPBACK = '127.0.0.1';

function pick(from: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((key) => Object.hasOwn(from, key)).map((key) => [key, from[key]]));
}
