import type { Insertable } from 'kysely';
import type { LinkKey, Links, NewConsumer, NewProvider } from '../links.ts';
import type { LinkTable } from '../schema.ts';
import { digestOfContent } from './link-content.ts';
import { flag, portions, toJson, valuePortions } from './rows.ts';
import type { Db } from './session.ts';

type Recorded = Parameters<Links['record']>[1];
type EndTable = 'link_providers' | 'link_consumers';

export async function recordLinks(db: Db, deployment: string, what: Recorded, nowMs: number): Promise<void> {
  const { providers, consumers, formerGroups } = what;
  for (const table of ['link_providers', 'link_consumers'] as const)
    await db
      .updateTable(table)
      .set({ current: 0 })
      .where('deployment', '=', deployment)
      .where('owner_type', '!=', 'external')
      .execute();
  await followMigrations(db, 'link_providers', { deployment, wanted: providers, formerGroups });
  await followMigrations(db, 'link_consumers', { deployment, wanted: consumers, formerGroups });
  await saveProviders(db, deployment, providers);
  await saveConsumers(db, deployment, consumers);
  await saveLinks(db, deployment, consumers, nowMs);
}

async function saveProviders(db: Db, deployment: string, providers: readonly NewProvider[]): Promise<void> {
  const rows = providers.map((provider) => ({
    ...end(deployment, provider),
    shared: flag(provider.shared),
    content: provider.content === null ? null : toJson(provider.content),
  }));
  for (const portion of portions(rows)) {
    await db
      .insertInto('link_providers')
      .values(portion)
      .onConflict((conflict) =>
        conflict.columns(keyColumns).doUpdateSet((eb) => ({
          alias: eb.ref('excluded.alias'),
          type: eb.ref('excluded.type'),
          shared: eb.ref('excluded.shared'),
          content: eb.ref('excluded.content'),
          current: 1,
        })),
      )
      .execute();
  }
}

async function saveConsumers(db: Db, deployment: string, consumers: readonly NewConsumer[]): Promise<void> {
  const rows = consumers.map((consumer) => ({ ...end(deployment, consumer), optional: flag(consumer.optional) }));
  for (const portion of portions(rows)) {
    await db
      .insertInto('link_consumers')
      .values(portion)
      .onConflict((conflict) =>
        conflict.columns(keyColumns).doUpdateSet((eb) => ({
          alias: eb.ref('excluded.alias'),
          type: eb.ref('excluded.type'),
          optional: eb.ref('excluded.optional'),
          current: 1,
        })),
      )
      .execute();
  }
}

const keyColumns = ['deployment', 'owner_type', 'group_name', 'owner', 'name'] as const;

function end(deployment: string, { ownerType, group, owner, name, alias, type }: NewProvider | NewConsumer) {
  return { deployment, owner_type: ownerType, group_name: group, owner, name, alias, type, current: 1 };
}

function keyText({ ownerType, group, owner, name }: LinkKey): string {
  return [ownerType, group, owner, name].join('\0');
}

/** Rows of a group that has another name now go with it: clients know them by their ids. */
async function followMigrations(
  db: Db,
  table: EndTable,
  of: { deployment: string; wanted: readonly LinkKey[]; formerGroups: Recorded['formerGroups'] },
): Promise<void> {
  if (of.formerGroups.size === 0) return;
  const ids = await idsOf(db, table, of.deployment);
  for (const key of of.wanted) {
    if (ids.has(keyText(key))) continue;
    for (const group of of.formerGroups.get(key.group) ?? []) {
      const former = keyText({ ...key, group });
      const id = ids.get(former);
      if (id === undefined) continue;
      await db.updateTable(table).set({ group_name: key.group }).where('id', '=', id).execute(); // few, and once
      ids.delete(former);
      ids.set(keyText(key), id);
      break;
    }
  }
}

async function idsOf(db: Db, table: EndTable, deployment: string): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom(table)
    .select(['id', 'owner_type', 'group_name', 'owner', 'name'])
    .where('deployment', '=', deployment)
    .execute();
  return new Map(rows.map((row) => [[row.owner_type, row.group_name, row.owner, row.name].join('\0'), row.id]));
}

async function saveLinks(db: Db, deployment: string, consumers: readonly NewConsumer[], nowMs: number): Promise<void> {
  const providerIds = await idsOf(db, 'link_providers', deployment);
  const consumerIds = await idsOf(db, 'link_consumers', deployment);
  const own = consumers.map((consumer) => idIn(consumerIds, consumer));
  const known = new Map<string, number>();
  for (const ids of valuePortions(own)) {
    await db.updateTable('links').set({ current: 0 }).where('consumer_id', 'in', ids).execute();
    const rows = await db
      .selectFrom('links')
      .select(['id', 'consumer_id', 'provider_id', 'digest'])
      .where('consumer_id', 'in', ids)
      .execute();
    for (const row of rows) known.set(linkText(row), row.id);
  }
  const again: number[] = [];
  const fresh: Array<Insertable<LinkTable>> = [];
  for (const [at, { name, link }] of consumers.entries()) {
    if (link === null) continue;
    const { content, provider } = link;
    const row = {
      provider_id: 'own' in provider ? idIn(providerIds, provider.own) : provider.id,
      consumer_id: own[at] ?? 0,
      digest: digestOfContent(content),
    };
    const id = known.get(linkText(row));
    if (id !== undefined) again.push(id);
    else fresh.push({ ...row, name, content: toJson(content), current: 1, created_at_ms: nowMs });
  }
  for (const ids of valuePortions(again))
    await db.updateTable('links').set({ current: 1 }).where('id', 'in', ids).execute();
  for (const portion of portions(fresh)) await db.insertInto('links').values(portion).execute();
}

function idIn(ids: ReadonlyMap<string, number>, key: LinkKey): number {
  const id = ids.get(keyText(key));
  if (id === undefined) throw new Error(`${key.ownerType} ${key.group}/${key.owner} ${key.name} was not saved`);
  return id;
}

function linkText(row: { consumer_id: number; provider_id: number | null; digest: string }): string {
  return `${row.consumer_id} ${row.provider_id ?? ''} ${row.digest}`;
}

/** What external consumers were told stays theirs, whatever becomes of the provider. */
export async function settleLinks(db: Db, deployment: string): Promise<void> {
  for (const table of ['link_providers', 'link_consumers'] as const)
    await db.deleteFrom(table).where('deployment', '=', deployment).where('current', '=', 0).execute();
  await db
    .deleteFrom('links')
    .where('current', '=', 0)
    .where('consumer_id', 'in', (eb) =>
      eb
        .selectFrom('link_consumers')
        .select('id')
        .where('deployment', '=', deployment)
        .where('owner_type', '!=', 'external'),
    )
    .execute();
}
