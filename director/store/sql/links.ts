import type { Selectable } from 'kysely';
import type { Link, LinkConsumer, LinkOwnerType, LinkProvider, Links, ProviderListing } from '../links.ts';
import type { LinkConsumerTable, LinkEndTable, LinkProviderTable, LinkTable } from '../schema.ts';
import { createExternal, deleteExternal } from './external-links.ts';
import { recordLinks, settleLinks } from './record-links.ts';
import { fromJson, unflag, valuePortions } from './rows.ts';
import type { Session } from './session.ts';

const endColumns = ['id', 'deployment', 'owner_type', 'group_name', 'owner', 'name', 'alias', 'type'] as const;
const listed = [...endColumns, 'shared'] as const;
const linkColumns = ['id', 'name', 'provider_id', 'consumer_id', 'created_at_ms'] as const;

export function sqlLinks(session: Session): Links {
  return {
    providers: (deployment) =>
      session.read(async (db) => {
        const query = db.selectFrom('link_providers').select(listed).where('deployment', '=', deployment);
        return (await query.orderBy('id').execute()).map(toListing);
      }),

    consumers: (deployment) =>
      session.read(async (db) => {
        const query = db.selectFrom('link_consumers').selectAll().where('deployment', '=', deployment);
        return (await query.orderBy('id').execute()).map(toConsumer);
      }),

    links: (deployment) =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('links')
          .select(linkColumns)
          .where('consumer_id', 'in', (eb) =>
            eb.selectFrom('link_consumers').select('id').where('deployment', '=', deployment),
          )
          .orderBy('id')
          .execute();
        return rows.map(toLink);
      }),

    sharedBy: (deployments) =>
      session.read(async (db) => {
        const found: LinkProvider[] = [];
        for (const names of valuePortions(deployments)) {
          const query = db.selectFrom('link_providers').selectAll().where('deployment', 'in', names);
          const rows = await query.where('shared', '=', 1).where('current', '=', 1).orderBy('id').execute();
          found.push(...rows.map(toProvider));
        }
        return found;
      }),

    provider: (id) =>
      session.read(async (db) => {
        const row = await db.selectFrom('link_providers').selectAll().where('id', '=', id).executeTakeFirst();
        return row === undefined ? undefined : toProvider(row);
      }),

    link: (id) =>
      session.read(async (db) => {
        const row = await db.selectFrom('links').selectAll().where('id', '=', id).executeTakeFirst();
        if (row === undefined) return undefined;
        const consumer = await db
          .selectFrom('link_consumers')
          .selectAll()
          .where('id', '=', row.consumer_id)
          .executeTakeFirstOrThrow();
        const provider =
          row.provider_id === null
            ? undefined
            : await db.selectFrom('link_providers').select(listed).where('id', '=', row.provider_id).executeTakeFirst();
        return {
          ...toLink(row),
          content: fromJson<Record<string, unknown>>(row.content),
          consumer: toConsumer(consumer),
          provider: provider === undefined ? null : toListing(provider),
        };
      }),

    record: (deployment, what, nowMs) => session.write((db) => recordLinks(db, deployment, what, nowMs)),
    settle: (deployment) => session.write((db) => settleLinks(db, deployment)),
    createExternal: (link, nowMs) => session.write(async (db) => toLink(await createExternal(db, link, nowMs))),
    deleteExternal: (id) => session.write((db) => deleteExternal(db, id)),
  };
}

type End = Pick<Selectable<LinkEndTable>, (typeof endColumns)[number]>;

function toEnd(row: End) {
  const { id, deployment, owner, name, alias, type } = row;
  return {
    id,
    deployment,
    ownerType: row.owner_type as LinkOwnerType,
    group: row.group_name,
    owner,
    name,
    alias,
    type,
  }; // written from one
}

function toListing(row: End & { shared: number }): ProviderListing {
  return { ...toEnd(row), shared: unflag(row.shared) };
}

function toProvider(row: Selectable<LinkProviderTable>): LinkProvider {
  return { ...toListing(row), content: row.content === null ? null : fromJson(row.content) };
}

function toConsumer(row: Selectable<LinkConsumerTable>): LinkConsumer {
  return { ...toEnd(row), optional: unflag(row.optional) };
}

function toLink(row: Pick<Selectable<LinkTable>, (typeof linkColumns)[number]>): Link {
  return {
    id: row.id,
    name: row.name,
    providerId: row.provider_id,
    consumerId: row.consumer_id,
    createdAtMs: row.created_at_ms,
  };
}
