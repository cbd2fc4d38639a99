import type { Selectable } from 'kysely';
import type { NewExternalLink } from '../links.ts';
import type { LinkTable } from '../schema.ts';
import { digestOfContent } from './link-content.ts';
import { toJson } from './rows.ts';
import type { Db } from './session.ts';

export async function createExternal(
  db: Db,
  { provider, owner, content }: NewExternalLink,
  nowMs: number,
): Promise<Selectable<LinkTable>> {
  const consumer = await db
    .insertInto('link_consumers')
    .values({
      deployment: provider.deployment,
      owner_type: 'external',
      group_name: '',
      owner,
      name: provider.name,
      alias: provider.alias,
      type: provider.type,
      current: 1,
      optional: 0,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['deployment', 'owner_type', 'group_name', 'owner', 'name'])
        .doUpdateSet({ alias: provider.alias, type: provider.type }),
    )
    .returning('id')
    .executeTakeFirstOrThrow();
  const link = { provider_id: provider.id, consumer_id: consumer.id, digest: digestOfContent(content) };
  const known = await db
    .selectFrom('links')
    .selectAll()
    .where('consumer_id', '=', link.consumer_id)
    .where('provider_id', '=', link.provider_id)
    .where('digest', '=', link.digest)
    .executeTakeFirst();
  if (known !== undefined) return known;
  return db
    .insertInto('links')
    .values({ ...link, name: provider.name, content: toJson(content), current: 1, created_at_ms: nowMs })
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function deleteExternal(db: Db, id: number): Promise<void> {
  const link = await db.deleteFrom('links').where('id', '=', id).returning('consumer_id').executeTakeFirst();
  if (link === undefined) return;
  await db
    .deleteFrom('link_consumers')
    .where('id', '=', link.consumer_id)
    .where('owner_type', '=', 'external')
    .where((eb) => eb.not(eb.exists(eb.selectFrom('links').select('id').where('consumer_id', '=', link.consumer_id))))
    .execute();
}
