import { inTurns } from '../../common/in-turns.ts';
import { groupKey, groupOfKey, numbersOf, type Numbers } from '../plan/dns-names.ts';
import type { Layout } from '../plan/layout.ts';
import { dnsAliases, linkGroupName, offersOf, type Offer } from '../plan/links/offers.ts';
import {
  deploymentsConsumedFrom,
  resolvingLinks,
  type LinkPlan,
  type LinkSurroundings,
} from '../plan/links/resolve-links.ts';
import type { WantedDeployment } from '../plan/wanted.ts';
import type { DnsGroup } from '../store/dns.ts';
import type { Store } from '../store/store.ts';
import type { TaskContext } from '../tasks/task-context.ts';

export interface Linked extends Pick<LinkPlan, 'links' | 'offers' | 'warnings'> {
  numbers: Numbers;
}

/**
 * Decides what every job is told of others, and records it before anything is changed: deployments that take links of
 * this one read it from then on.
 * @param records false: nothing is, for dry runs and errands
 */
export async function linkUp(
  wanted: WantedDeployment,
  layout: Layout,
  { task, nowMs, records }: { task: TaskContext; nowMs: number; records: boolean },
): Promise<Linked> {
  const { store } = task;
  const groups = dnsGroups(wanted, layout);
  if (records) await store.dns.number(named(wanted, groups));
  const numbers = await numbersFor(wanted, { layout, groups, store, records });
  const elsewhere = await sharedElsewhere(wanted, store);
  const { providers, consumers, ...plan } = await inTurns(resolvingLinks(wanted, layout, { elsewhere, numbers }));
  if (records) {
    const formerGroups = new Map(
      wanted.groups
        .filter(({ group }) => group.migratedFrom.length > 0)
        .map(({ group }) => [group.name, group.migratedFrom.map(({ name }) => name)]),
    );
    await store.atomically(async (inside) => {
      await inside.links.record(wanted.name, { providers, consumers, formerGroups }, nowMs);
      await inside.dns.setAliases(wanted.name, aliasesOf(plan.offers, numbers));
    });
  }
  return { ...plan, numbers };
}

function dnsGroups(wanted: WantedDeployment, layout: Layout): DnsGroup[] {
  const ofLinks = offersOf(wanted, layout).offers.filter(({ source }) => source.kind === 'job');
  const names = new Set(ofLinks.map(linkGroupName));
  return [
    ...wanted.groups.map(({ group }) => ({ type: 'instance-group' as const, name: group.name })),
    ...[...names].map((name) => ({ type: 'link' as const, name })),
  ];
}

function named({ name, cloud }: WantedDeployment, groups: readonly DnsGroup[]) {
  return { azs: cloud.azs.keys(), networks: cloud.networks.keys(), groups, deployment: name };
}

/** Where nothing is recorded, no numbers are given (of a dry run): what has none is shown with the one that it would most likely get. */
async function numbersFor(
  wanted: WantedDeployment,
  { layout, groups, store, records }: { layout: Layout; groups: readonly DnsGroup[]; store: Store; records: boolean },
): Promise<Numbers> {
  const numbers = numbersOf(await store.dns.numbers(), await store.instances.numbers(wanted.name));
  if (records) return numbers;
  const ids = layout.groups.flatMap(({ instances }) => instances.map(({ id }) => id));
  const allGroups = withMore(
    numbers.groups,
    groups.map((group) => groupKey(group, wanted.name)),
  );
  return {
    azs: withMore(numbers.azs, wanted.cloud.azs.keys()),
    networks: withMore(numbers.networks, wanted.cloud.networks.keys()),
    groups: allGroups,
    groupList: [...allGroups].map(([key, number]) => [...groupOfKey(key), number]),
    instances: withMore(numbers.instances, ids),
  };
}

function withMore(known: ReadonlyMap<string, number>, names: Iterable<string>): Map<string, number> {
  const all = new Map(known);
  let last = 0;
  for (const number of all.values()) last = Math.max(last, number);
  for (const name of names) if (!all.has(name)) all.set(name, ++last);
  return all;
}

async function sharedElsewhere(wanted: WantedDeployment, store: Store): Promise<LinkSurroundings['elsewhere']> {
  const names = deploymentsConsumedFrom(wanted);
  if (names.length === 0) return new Map();
  const there = new Set<string>((await store.deployments.list()).map(({ name }) => name));
  const shared = await store.links.sharedBy(names);
  return new Map(
    names.map((name) => [name, there.has(name) ? shared.filter(({ deployment }) => deployment === name) : null]),
  );
}

function aliasesOf(offers: readonly Offer[], numbers: Numbers) {
  return offers.flatMap((offer) => {
    const groupId = numbers.groups.get(groupKey({ type: 'link', name: linkGroupName(offer) }, offer.deployment));
    return groupId === undefined ? [] : dnsAliases(offer, groupId);
  });
}
