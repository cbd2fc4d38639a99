import type { DnsAlias } from '../../store/dns.ts';
import type { LinkKey, LinkProvider, NewLink, ProviderContent } from '../../store/links.ts';
import type { LinkAlias } from '../../../manifests/links.ts';
import type { YamlMap } from '../../../manifests/value.ts';
import type { GroupLayout, Layout } from '../layout.ts';
import type { WantedDeployment, WantedJob } from '../wanted.ts';
import { linkProperties } from './properties.ts';

/** A link that can be taken. */
export interface Offer {
  deployment: string;
  key: LinkKey;
  /** The name that consumers ask for: the alias, where the manifest gives one. */
  alias: string;
  type: string;
  shared: boolean;
  /** Whom a consumer's link leads to. */
  ref: NewLink['provider'];
  networks: readonly string[];
  source: OfferSource;
}

export type OfferSource =
  | { kind: 'job'; group: GroupLayout; properties: YamlMap; aliases: readonly LinkAlias[] }
  | { kind: 'disk' }
  /** Of another deployment, as its last deploy recorded it. */
  | { kind: 'recorded'; content: ProviderContent | null };

/** Names of DNS groups of links. */
export function linkGroupName({ alias, type }: Pick<Offer, 'alias' | 'type'>): string {
  return `${alias}-${type}`;
}

/** Of jobs: those that instances are found by. */
export function offersOfGroup(offers: readonly Offer[], group: string): Offer[] {
  return offers.filter(({ key, source }) => source.kind === 'job' && key.group === group);
}

/** Names of the link groups that instances of a group are in. */
export function linkGroupsOf(offers: readonly Offer[], group: string): string[] {
  return [...new Set(offersOfGroup(offers, group).map(linkGroupName))].sort();
}

export interface LinkDefinition {
  name: string;
  type: string;
  properties: readonly string[];
  optional: boolean;
}

/** What the deployment's own jobs and disks offer; a link that is blocked ("nil") is none. */
export function offersOf(wanted: WantedDeployment, layout: Layout): { offers: Offer[]; faults: string[] } {
  const faults: string[] = [];
  const offers = layout.groups.flatMap((group) => [
    ...group.wanted.jobs.flatMap((job) => offersOfJob(wanted, { group, job, faults })),
    ...offersOfDisks(wanted, group),
  ]);
  return { offers, faults };
}

function offersOfJob(
  wanted: WantedDeployment,
  { group, job, faults }: { group: GroupLayout; job: WantedJob; faults: string[] },
): Offer[] {
  const groupName = group.wanted.group.name;
  const ofRelease = definitions(job.job.spec['provides']);
  for (const { name } of job.customProviders) {
    if (ofRelease.some((definition) => definition.name === name))
      faults.push(
        `Custom provider '${name}' in job '${job.name}' in instance group '${groupName}' is already defined in release '${job.release.name}'`,
      );
  }
  return [...job.customProviders, ...ofRelease].flatMap(({ name, type, properties }): Offer[] => {
    const provision = job.provides.get(name);
    if (provision?.kind === 'blocked') return [];
    const { chosen, unknown } = linkProperties(job, properties);
    for (const path of unknown)
      faults.push(`Link property ${path} in template ${job.name} is not defined in release spec`);
    const key: LinkKey = { ownerType: 'job', group: groupName, owner: job.name, name };
    return [
      {
        deployment: wanted.name,
        key,
        alias: provision?.as ?? name,
        type,
        shared: provision?.shared ?? false,
        ref: { own: key },
        networks: group.wanted.group.networks.map((network) => network.name),
        source: { kind: 'job', group, properties: chosen, aliases: provision?.aliases ?? [] },
      },
    ];
  });
}

function offersOfDisks(wanted: WantedDeployment, { wanted: { group, disks } }: GroupLayout): Offer[] {
  return disks
    .filter(({ name }) => name !== '')
    .map(({ name }): Offer => {
      const key: LinkKey = { ownerType: 'disk', group: group.name, owner: group.name, name };
      const { name: deployment } = wanted;
      const source = { kind: 'disk' } as const;
      return { deployment, key, alias: name, type: 'disk', shared: false, ref: { own: key }, networks: [], source };
    });
}

export function offerOnRecord(provider: LinkProvider): Offer {
  const { deployment, ownerType, group, owner, name, alias, type, shared, content } = provider;
  const networks = content?.['networks'] as readonly string[] | undefined; // link-content.ts wrote it
  return {
    deployment,
    key: { ownerType, group, owner, name },
    alias,
    type,
    shared,
    ref: { id: provider.id },
    networks: networks ?? [],
    source: { kind: 'recorded', content },
  };
}

/** What a release's spec says, checked when it was uploaded. */
export function definitions(list: unknown): LinkDefinition[] {
  if (!Array.isArray(list)) return [];
  return list.map((entry: Record<string, unknown>) => ({
    name: String(entry['name']),
    type: String(entry['type']),
    optional: entry['optional'] === true,
    properties: Array.isArray(entry['properties']) ? entry['properties'].map(String) : [],
  }));
}

/** Under which names else the instances behind an offer are found. */
export function dnsAliases({ source }: Offer, groupId: number): DnsAlias[] {
  if (source.kind !== 'job') return [];
  return source.aliases.map((alias) => ({ ...alias, groupId }));
}
