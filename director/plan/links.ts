import { OperatorError } from '../../common/errors.ts';
import { didYouMean } from '../../common/suggest.ts';
import type { NetworkSettings } from '../../agent/protocol.ts';
import type { LinkConsumption } from '../../manifests/links.ts';
import { isMap, type YamlMap, type YamlValue } from '../../manifests/value.ts';
import { numeralOf, rememberNumeral } from '../../manifests/yaml/numerals.ts';
import type { GroupLayout, LaidOutInstance, Layout } from './layout.ts';
import { addressableNetwork, networkSettings } from './network-settings.ts';
import type { WantedDeployment, WantedJob } from './wanted.ts';

/** What a template sees by `link('name')`: BOSH's keys. */
export type LinkContent = Record<string, unknown>;

/** By group, then job, then link name: the same for all instances of a group. */
export type ResolvedLinks = ReadonlyMap<string, ReadonlyMap<string, Readonly<Record<string, LinkContent>>>>;

interface Provider {
  group: GroupLayout;
  job: WantedJob;
  /** Its name in the release. */
  original: string;
  /** The name that consumers ask for: the alias, where the manifest gives one. */
  name: string;
  type: string;
  properties: readonly string[];
}

interface LinkDefinition {
  name: string;
  type: string;
  properties: readonly string[];
  optional: boolean;
}

/**
 * Finds the provider of every link that a job consumes. A link that the manifest doesn't mention takes the one
 * provider of its type; with `from` it takes the one of that name, too. An optional link without a provider is left
 * out, unless the manifest asks for it by name.
 * @throws OperatorError `links-unresolved` with every link that could not be resolved
 */
export function resolveLinks(wanted: WantedDeployment, layout: Layout): ResolvedLinks {
  const providers = layout.groups.flatMap((group) => group.wanted.jobs.flatMap((job) => providersOf(group, job)));
  const faults: string[] = [];
  const resolved = new Map<string, Map<string, Record<string, LinkContent>>>();
  const contents = new Map<string, LinkContent>(); // a provider with 1,000 instances is described once

  for (const group of layout.groups) {
    const jobs = new Map<string, Record<string, LinkContent>>();
    resolved.set(group.wanted.group.name, jobs);
    for (const job of group.wanted.jobs) {
      const links: Record<string, LinkContent> = {};
      jobs.set(job.name, links);
      for (const definition of definitions(job.job.spec['consumes'])) {
        const where = `link "${definition.name}" of job "${job.name}" in instance group "${group.wanted.group.name}"`;
        const found = find(definition, job.consumes.get(definition.name), providers);
        if (found.kind === 'fault') faults.push(`${where}: ${found.message}`);
        if (found.kind === 'manual') links[definition.name] = found.content;
        if (found.kind === 'provider') {
          const key = `${found.provider.group.wanted.group.name}\0${found.provider.job.name}\0${found.provider.original}\0${found.network ?? ''}`;
          const content = contents.get(key) ?? describe(wanted, found.provider, found.network);
          contents.set(key, content);
          links[definition.name] = content;
        }
      }
    }
  }
  if (faults.length > 0) {
    throw new OperatorError(
      `Failed to resolve links from deployment '${wanted.name}'. See errors below:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
      {
        code: 'links-unresolved',
        hint: 'Name the provider with `consumes: {LINK: {from: NAME}}` on the job, or deploy a job that provides the link.',
        details: { boshCode: 140021, faults },
      },
    );
  }
  return resolved;
}

function providersOf(group: GroupLayout, job: WantedJob): Provider[] {
  const own = definitions(job.job.spec['provides']).map((definition) => ({ ...definition, custom: false }));
  const custom = job.customProviders.map((definition) => ({ ...definition, custom: true }));
  return [...own, ...custom].flatMap((definition): Provider[] => {
    const provision = job.provides.get(definition.name);
    if (provision?.kind === 'blocked') return [];
    const name = provision?.as ?? definition.name;
    return [{ group, job, original: definition.name, name, type: definition.type, properties: definition.properties }];
  });
}

type Found =
  | { kind: 'provider'; provider: Provider; network: string | null }
  | { kind: 'manual'; content: LinkContent }
  | { kind: 'absent' }
  | { kind: 'fault'; message: string };

function find(
  definition: LinkDefinition,
  consumption: LinkConsumption | undefined,
  providers: readonly Provider[],
): Found {
  if (consumption?.kind === 'blocked') {
    return definition.optional
      ? { kind: 'absent' }
      : { kind: 'fault', message: 'the manifest blocks it ("nil"), and the job cannot do without it' };
  }
  if (consumption?.kind === 'manual') return { kind: 'manual', content: manualContent(consumption) };
  if (consumption?.deployment != null) {
    return { kind: 'fault', message: `links from another deployment ("${consumption.deployment}") are not built yet` };
  }
  const from = consumption?.kind === 'from' ? (consumption.from ?? definition.name) : null;
  const ofType = providers.filter(({ type }) => type === definition.type);
  const fitting = from === null ? ofType : ofType.filter(({ name }) => name === from);
  const [provider, another] = fitting;
  if (provider !== undefined && another === undefined) return withNetwork(provider, consumption);
  if (provider === undefined) {
    if (definition.optional && from === null) return { kind: 'absent' };
    const hint =
      from === null
        ? {}
        : didYouMean(
            from,
            ofType.map(({ name }) => name),
          );
    return {
      kind: 'fault',
      message: `no job provides a link of type "${definition.type}"${from === null ? '' : ` named "${from}"`}${hint.suggestion === undefined ? '' : ` (${hint.suggestion})`}`,
    };
  }
  const names = fitting.map(({ name, job, group }) => `"${name}" by ${group.wanted.group.name}/${job.name}`).join(', ');
  return { kind: 'fault', message: `several jobs provide a link of type "${definition.type}": ${names}` };
}

function withNetwork(provider: Provider, consumption: LinkConsumption | undefined): Found {
  const network = consumption?.kind === 'from' ? consumption.network : null;
  const has = provider.group.wanted.group.networks.map(({ name }) => name);
  if (network !== null && !has.includes(network)) {
    return {
      kind: 'fault',
      message: `its provider "${provider.name}" is not on network "${network}" (it is on ${has.join(', ')})`,
    };
  }
  return { kind: 'provider', provider, network };
}

function manualContent({ instances, properties, address }: Extract<LinkConsumption, { kind: 'manual' }>): LinkContent {
  return { instances, properties, ...(address === null ? {} : { address }) };
}

function describe(wanted: WantedDeployment, provider: Provider, network: string | null): LinkContent {
  const { group } = provider.group.wanted;
  const chosen = network ?? addressableNetwork(group);
  return {
    deployment_name: wanted.name,
    domain: wanted.domain,
    default_network: chosen,
    networks: group.networks.map(({ name }) => name),
    instance_group: group.name,
    group_name: `${provider.name}-${provider.type}`,
    properties: linkProperties(provider),
    use_short_dns_addresses: wanted.features.useShortDnsAddresses ?? false,
    use_dns_addresses: wanted.features.useDnsAddresses ?? false,
    use_link_dns_names: wanted.features.useLinkDnsNames,
    instances: provider.group.instances.map((instance) => ({
      name: group.name,
      id: instance.id,
      index: instance.index,
      bootstrap: instance.bootstrap,
      az: instance.az,
      address: addressOn(wanted, provider.group, instance, chosen),
    })),
  };
}

function addressOn(
  wanted: WantedDeployment,
  group: GroupLayout,
  instance: LaidOutInstance,
  network: string | null,
): string | null {
  const reported = instance.existing?.agent.kind === 'answered' ? (instance.existing.agent.state.networks ?? {}) : {};
  const settings: Record<string, NetworkSettings> = networkSettings(
    group.wanted.group,
    instance,
    wanted.cloud.networks,
    reported,
  );
  return network === null ? null : (settings[network]?.ip ?? null);
}

/** Only what the provider lists: from the job's properties, else from what the manifest gives. */
function linkProperties({ job, properties }: Provider): YamlMap {
  const chosen: YamlMap = {};
  for (const path of properties) {
    const own = dig(job.properties, path);
    const isSet = own !== undefined && own.container[own.key] !== null;
    const found = isSet ? own : (dig(job.givenProperties, path) ?? own);
    if (found !== undefined) bury(chosen, path.split('.'), found);
  }
  return chosen;
}

/** A value where it stands: how a float was written (`1.0`) is remembered by its place. */
interface Place {
  container: YamlMap;
  key: string;
}

function dig(from: YamlMap, path: string): Place | undefined {
  let at: YamlValue | undefined = from;
  let place: Place | undefined;
  for (const key of path.split('.')) {
    if (!isMap(at) || !Object.hasOwn(at, key)) return undefined;
    place = { container: at, key };
    at = at[key];
  }
  return place;
}

function bury(into: YamlMap, [first, ...rest]: string[], from: Place): void {
  if (first === undefined) return;
  if (rest.length === 0) {
    into[first] = from.container[from.key] ?? null;
    const numeral = numeralOf(from.container, from.key);
    if (numeral !== undefined) rememberNumeral(into, first, numeral);
    return;
  }
  const next = into[first];
  const inner: YamlMap = isMap(next) ? next : {};
  into[first] = inner;
  bury(inner, rest, from);
}

function definitions(list: unknown): LinkDefinition[] {
  if (!Array.isArray(list)) return [];
  return list.map((entry: Record<string, unknown>) => ({
    name: String(entry['name']),
    type: String(entry['type']),
    optional: entry['optional'] === true,
    properties: Array.isArray(entry['properties']) ? entry['properties'].map(String) : [],
  }));
}
