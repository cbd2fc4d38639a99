import { taskId } from '../../../common/ids.ts';
import type { Lease } from '../lease.ts';
import type { Locks } from '../locks.ts';
import type { Db, Session } from './session.ts';

/**
 * INVARIANT: when a lock passes from a task that has not ended to another one, the former's worker loses its lease in
 * the same transaction. A process that was asleep for a minute (a suspended laptop, a stopped VM) can therefore not
 * write to a deployment that somebody else has locked meanwhile.
 */
export function sqlLocks(session: Session): Locks {
  return {
    acquire: (name, lease, { lockMs, nowMs }) =>
      session.fencedBy(lease).write(async (db) => {
        const mine = { name, task_id: lease.taskId, until_ms: nowMs + lockMs };
        const inserted = await db
          .insertInto('locks')
          .values(mine)
          .onConflict((conflict) => conflict.column('name').doNothing())
          .executeTakeFirstOrThrow();
        if (inserted.numInsertedOrUpdatedRows === 1n) return true;

        const holder = await db
          .selectFrom('locks')
          .innerJoin('tasks', 'tasks.id', 'locks.task_id')
          .select(['locks.task_id', 'locks.until_ms', 'tasks.finished_at_ms'])
          .where('locks.name', '=', name)
          .$if(session.dialect === 'postgres', (query) => query.forUpdate('locks'))
          .executeTakeFirst();
        if (holder === undefined) return false; // released this very moment: the next try gets it
        const free = holder.task_id === lease.taskId || holder.until_ms <= nowMs || holder.finished_at_ms !== null;
        if (!free) return false;
        if (holder.task_id !== lease.taskId) await revokeLease(db, holder.task_id, nowMs);
        await db.updateTable('locks').set(mine).where('name', '=', name).execute();
        return true;
      }),

    renewAll: (lease, { lockMs, nowMs }) =>
      session.fencedBy(lease).write(
        async (db) => {
          await db
            .updateTable('locks')
            .set({ until_ms: nowMs + lockMs })
            .where('task_id', '=', lease.taskId)
            .execute();
        },
        { relaxed: true },
      ),

    release: (name, lease) =>
      session.fencedBy(lease).write(async (db) => {
        await db.deleteFrom('locks').where('name', '=', name).where('task_id', '=', lease.taskId).execute();
      }),

    list: (nowMs) =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('locks')
          .innerJoin('tasks', 'tasks.id', 'locks.task_id')
          .select(['locks.name', 'locks.task_id', 'locks.until_ms'])
          .where('locks.until_ms', '>', nowMs)
          .where('tasks.finished_at_ms', 'is', null)
          .orderBy('locks.name')
          .execute();
        return rows.map((row) => ({ name: row.name, taskId: taskId(row.task_id), untilMs: row.until_ms }));
      }),
  };
}

async function revokeLease(db: Db, task: Lease['taskId'] | number, nowMs: number): Promise<void> {
  await db
    .updateTable('tasks')
    .set((eb) => ({ lease_owner: null, lease_until_ms: nowMs, lease_fence: eb('lease_fence', '+', 1) }))
    .where('id', '=', task)
    .where('finished_at_ms', 'is', null)
    .where('lease_owner', 'is not', null)
    .execute();
}
