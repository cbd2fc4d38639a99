import type { Selectable } from 'kysely';
import { type DirectorEvent, type Events, eventsListMax } from '../events.ts';
import type { EventTable } from '../schema.ts';
import { fromJson, toJson } from './rows.ts';
import type { Session } from './session.ts';

/** What one transaction deletes: a few milliseconds of work. */
const pruneRows = 1000;

export function sqlEvents(session: Session): Events {
  return {
    add: (event) =>
      session.write(
        async (db) => {
          const { id } = await db
            .insertInto('events')
            .values({
              parent_id: event.parentId,
              at_ms: event.atMs,
              username: event.user,
              action: event.action,
              object_type: event.objectType,
              object_name: event.objectName,
              error: event.error,
              task: event.task,
              deployment: event.deployment,
              instance: event.instance,
              context: toJson(event.context),
            })
            .returning('id')
            .executeTakeFirstOrThrow();
          return id;
        },
        { relaxed: true },
      ),

    get: (id) =>
      session.read(async (db) => {
        const row = await db.selectFrom('events').selectAll().where('id', '=', id).executeTakeFirst();
        return row === undefined ? undefined : toEvent(row);
      }),

    list: (filter) =>
      session.read(async (db) => {
        let query = db.selectFrom('events').selectAll().orderBy('id', 'desc').limit(eventsListMax);
        if (filter.beforeId !== undefined) query = query.where('id', '<', filter.beforeId);
        if (filter.beforeMs !== undefined) query = query.where('at_ms', '<', filter.beforeMs);
        if (filter.afterMs !== undefined) query = query.where('at_ms', '>', filter.afterMs);
        if (filter.task !== undefined) query = query.where('task', '=', filter.task);
        if (filter.deployment !== undefined) query = query.where('deployment', '=', filter.deployment);
        if (filter.instance !== undefined) query = query.where('instance', '=', filter.instance);
        if (filter.user !== undefined) query = query.where('username', '=', filter.user);
        if (filter.action !== undefined) query = query.where('action', '=', filter.action);
        if (filter.objectType !== undefined) query = query.where('object_type', '=', filter.objectType);
        if (filter.objectName !== undefined) query = query.where('object_name', '=', filter.objectName);
        return (await query.execute()).map(toEvent);
      }),

    prune: async (keep, signal) => {
      const newestGone = await session.read((db) =>
        db.selectFrom('events').select('id').orderBy('id', 'desc').offset(keep).limit(1).executeTakeFirst(),
      );
      if (newestGone === undefined) return 0;
      for (let pruned = 0; ;) {
        const deleted = await session.write(async (db) => {
          const { numDeletedRows } = await db
            .deleteFrom('events')
            .where('id', 'in', (sub) =>
              sub.selectFrom('events').select('id').where('id', '<=', newestGone.id).orderBy('id').limit(pruneRows),
            )
            .executeTakeFirstOrThrow();
          return Number(numDeletedRows);
        });
        pruned += deleted;
        if (deleted < pruneRows || signal?.aborted === true) return pruned;
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    },
  };
}

function toEvent(row: Selectable<EventTable>): DirectorEvent {
  return {
    id: row.id,
    parentId: row.parent_id,
    atMs: row.at_ms,
    user: row.username,
    action: row.action,
    objectType: row.object_type,
    objectName: row.object_name,
    error: row.error,
    task: row.task,
    deployment: row.deployment,
    instance: row.instance,
    context: fromJson(row.context),
  };
}
