import { type ExpressionBuilder, type Selectable, sql } from 'kysely';
import type { Config, Configs } from '../configs.ts';
import type { ConfigTable, Schema } from '../schema.ts';
import { flag, unflag, valuePortions } from './rows.ts';
import type { Db, Session } from './session.ts';

type Row = Selectable<ConfigTable> & { newest: number | null };

export function sqlConfigs(session: Session): Configs {
  const latest: Configs['latest'] = (type, name) =>
    session.read(async (db) => {
      const row = await withNewest(db)
        .where('type', '=', type)
        .where('name', '=', name)
        .where('deleted', '=', 0)
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row === undefined ? undefined : toConfig(row);
    });

  return {
    latest,

    get: (id) =>
      session.read(async (db) => {
        const row = await withNewest(db).where('id', '=', id).executeTakeFirst();
        return row === undefined ? undefined : toConfig(row);
      }),

    getAll: (ids) =>
      session.read(async (db) => {
        const byId = new Map<number, Config>();
        for (const portion of valuePortions(ids)) {
          for (const row of await withNewest(db).where('id', 'in', portion).execute()) byId.set(row.id, toConfig(row));
        }
        return ids.map((id) => byId.get(id)).filter((config) => config !== undefined);
      }),

    list: ({ type, name, limit = 1 }) =>
      session.read(async (db) => {
        let ranked = db
          .selectFrom('configs')
          .select((eb) => [
            'id',
            eb.fn
              .agg<number>('row_number')
              .over((over) => over.partitionBy(['type', 'name']).orderBy('id', 'desc'))
              .as('age'),
          ])
          .where('deleted', '=', 0);
        if (type !== undefined) ranked = ranked.where('type', '=', type);
        if (name !== undefined) ranked = ranked.where('name', '=', name);
        let wanted = db.selectFrom(ranked.as('ranked')).select('ranked.id');
        if (Number.isFinite(limit)) wanted = wanted.where('age', '<=', limit);
        const rows = await withNewest(db)
          .where('id', 'in', wanted)
          .orderBy('type')
          .orderBy(defaultFirst)
          .orderBy('name')
          .orderBy('id', 'desc')
          .execute();
        return rows.map(toConfig);
      }),

    currentOf: (type, teams) =>
      session.read(async (db) => {
        let query = withNewest(db)
          .where('type', '=', type)
          .where('id', 'in', (sub) =>
            sub
              .selectFrom('configs')
              .select((eb) => eb.fn.max('id').as('id'))
              .where('type', '=', type)
              .where('deleted', '=', 0)
              .groupBy('name'),
          );
        if (teams !== 'all') {
          query = query.where((eb) =>
            eb.or([eb('team', 'is', null), ...(teams.length === 0 ? [] : [eb('team', 'in', [...teams])])]),
          );
        }
        return (await query.orderBy(defaultFirst).orderBy('name').execute()).map(toConfig);
      }),

    create: (config, nowMs) =>
      session.write(async (db) => {
        const row = await db
          .insertInto('configs')
          .values({ ...config, created_at_ms: nowMs, deleted: flag(false) })
          .returningAll()
          .executeTakeFirstOrThrow();
        return toConfig({ ...row, newest: row.id });
      }),

    delete: (which) =>
      session.write(async (db) => {
        const update = db
          .updateTable('configs')
          .set({ deleted: flag(true) })
          .where('deleted', '=', 0);
        const { numUpdatedRows } = await (
          'id' in which
            ? update.where('id', '=', which.id)
            : update.where('type', '=', which.type).where('name', '=', which.name)
        ).executeTakeFirstOrThrow();
        return Number(numUpdatedRows);
      }),
  };
}

const defaultFirst = sql`case when name = 'default' then 0 else 1 end`;

function withNewest(db: Db) {
  return db
    .selectFrom('configs')
    .selectAll('configs')
    .select((eb) => newestOf(eb).as('newest'));
}

function newestOf(eb: ExpressionBuilder<Schema, 'configs'>) {
  return eb
    .selectFrom('configs as others')
    .select((sub) => sub.fn.max('others.id').as('id'))
    .whereRef('others.type', '=', 'configs.type')
    .whereRef('others.name', '=', 'configs.name')
    .where('others.deleted', '=', 0);
}

function toConfig(row: Row): Config {
  return {
    id: row.id,
    type: row.type,
    name: row.name,
    content: row.content,
    team: row.team,
    createdAtMs: row.created_at_ms,
    deleted: unflag(row.deleted),
    current: row.id === row.newest,
  };
}
