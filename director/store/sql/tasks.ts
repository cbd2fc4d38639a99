import type { Selectable } from 'kysely';
import { type DeploymentName, id, taskId } from '../../../common/ids.ts';
import { LeaseLost } from '../errors.ts';
import type { Lease } from '../lease.ts';
import type { TaskTable } from '../schema.ts';
import type { Lane, Task, Tasks, TaskState } from '../tasks.ts';
import { fromJson, toJson } from './rows.ts';
import type { Db, Session } from './session.ts';
import { appendOutput, pruneTasks, readOutput } from './task-output.ts';

export function sqlTasks(session: Session): Tasks {
  return {
    create: (task, nowMs) =>
      session.write(async (db) => {
        const row = await db
          .insertInto('tasks')
          .values({
            type: task.type,
            description: task.description,
            lane: task.lane,
            args: toJson(task.args ?? null),
            username: task.user,
            deployment: task.deployment,
            context_id: task.contextId,
            teams: toJson(task.teams),
            state: 'queued',
            created_at_ms: nowMs,
            attempts: 0,
            lease_fence: 0,
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        const teams = [...new Set(task.teams)].map((team) => ({ task_id: row.id, team }));
        if (teams.length > 0) await db.insertInto('task_teams').values(teams).execute();
        return toTask(row);
      }),

    get: (wanted) =>
      session.read(async (db) => {
        const row = await db.selectFrom('tasks').selectAll().where('id', '=', wanted).executeTakeFirst();
        return row === undefined ? undefined : toTask(row);
      }),

    list: (filter) =>
      session.read(async (db) => {
        let query = db.selectFrom('tasks').selectAll().orderBy('id', 'desc');
        const { states, types, deployment, contextId, teams, limit } = filter;
        if (states !== undefined) query = query.where('state', 'in', [...states]);
        if (types !== undefined) query = query.where('type', 'in', [...types]);
        if (deployment !== undefined) query = query.where('deployment', '=', deployment);
        if (contextId !== undefined) query = query.where('context_id', '=', contextId);
        if (teams !== undefined) {
          query = query.where('id', 'in', (sub) =>
            sub
              .selectFrom('task_teams')
              .select('task_id')
              .where('team', 'in', [...teams]),
          );
        }
        if (limit !== undefined) query = query.limit(limit);
        return (await query.execute()).map(toTask);
      }),

    counts: () =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('tasks')
          .select((eb) => ['type', 'state', eb.fn.countAll<number>().as('count')])
          .groupBy(['type', 'state'])
          .execute();
        return rows.map(({ type, state, count }) => ({ type, state: state as TaskState, count: Number(count) })); // written from it
      }),

    claim: ({ owner, lanes, leaseMs, nowMs }) =>
      session.write(async (db) => {
        for (const lane of lanes) {
          const row = await claimFrom(session, db, { lane, owner, leaseMs, nowMs });
          if (row === undefined) continue;
          const task = toTask(row);
          return { task, lease: { taskId: task.id, owner, fence: row.lease_fence } };
        }
        return undefined;
      }),

    renew: (lease, { leaseMs, nowMs }) =>
      session.write(
        async (db) => {
          const row = await held(db, lease)
            .set({ lease_until_ms: nowMs + leaseMs, checkpoint_at_ms: nowMs })
            .returning('state')
            .executeTakeFirst();
          if (row === undefined) return 'lost';
          return row.state === 'cancelling' ? 'cancel' : 'held';
        },
        { relaxed: true },
      ),

    finish: (lease, { state, result, nowMs }) =>
      session.write(async (db) => {
        const { numUpdatedRows } = await held(db, lease)
          .set({ state, result, finished_at_ms: nowMs, lease_owner: null, lease_until_ms: null })
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n) throw new LeaseLost(lease);
        await db.deleteFrom('locks').where('task_id', '=', lease.taskId).execute();
      }),

    giveBack: (lease) =>
      session.write(async (db) => {
        await held(db, lease)
          .set((eb) => ({
            state: eb.case().when('state', '=', 'cancelling').then('cancelling').else('queued').end(),
            attempts: eb('attempts', '-', 1), // an orderly stop is no failed attempt
            lease_owner: null,
            lease_until_ms: null,
          }))
          .execute();
      }),

    requestCancel: (wanted, nowMs) =>
      session.write(async (db) => {
        const ended = await db
          .updateTable('tasks')
          .set({ state: 'cancelled', result: cancelledResult, finished_at_ms: nowMs })
          .where('id', '=', wanted)
          .where('state', '=', 'queued')
          .executeTakeFirstOrThrow();
        if (ended.numUpdatedRows > 0n) {
          await db.deleteFrom('locks').where('task_id', '=', wanted).execute(); // of a worker that gave it back
          return true;
        }
        const asked = await db
          .updateTable('tasks')
          .set({ state: 'cancelling' })
          .where('id', '=', wanted)
          .where('state', '=', 'processing')
          .executeTakeFirstOrThrow();
        return asked.numUpdatedRows > 0n;
      }),

    expireLeasesOf: ({ notOwner }, nowMs) =>
      session.write(async (db) => {
        const { numUpdatedRows } = await db
          .updateTable('tasks')
          .set((eb) => ({ lease_until_ms: nowMs, lease_owner: null, lease_fence: eb('lease_fence', '+', 1) }))
          .where('finished_at_ms', 'is', null)
          .where('lease_owner', 'is not', null)
          .where('lease_owner', '!=', notOwner)
          .executeTakeFirstOrThrow();
        return Number(numUpdatedRows);
      }),

    appendOutput: (task, stream, bytes) => appendOutput(session, task, stream, bytes),
    output: (task, stream, range) => readOutput(session, task, stream, range),
    prune: (keep, signal) => pruneTasks(session, keep, signal),
  };
}

/** What BOSH gives as the result of a task that was cancelled. */
export const cancelledResult = 'task cancelled';

async function claimFrom(
  session: Session,
  db: Db,
  { lane, owner, leaseMs, nowMs }: { lane: Lane; owner: string; leaseMs: number; nowMs: number },
): Promise<Selectable<TaskTable> | undefined> {
  return db
    .updateTable('tasks')
    .set((eb) => ({
      state: eb.case().when('state', '=', 'cancelling').then('cancelling').else('processing').end(),
      attempts: eb('attempts', '+', 1),
      started_at_ms: eb.fn.coalesce('started_at_ms', eb.val(nowMs)),
      checkpoint_at_ms: nowMs,
      lease_owner: owner,
      lease_fence: eb('lease_fence', '+', 1),
      lease_until_ms: nowMs + leaseMs,
    }))
    .where('id', '=', (sub) =>
      sub
        .selectFrom('tasks')
        .select('id')
        .where('finished_at_ms', 'is', null)
        .where('lane', '=', lane)
        .where((eb) => eb.or([eb('lease_until_ms', 'is', null), eb('lease_until_ms', '<=', nowMs)]))
        .orderBy('id')
        .limit(1)
        // the directors that claim at the same moment get one each, instead of waiting for each other
        .$if(session.dialect === 'postgres', (query) => query.forUpdate().skipLocked()),
    )
    .returningAll()
    .executeTakeFirst();
}

/** An update of the task that this lease is for, as long as it holds. */
function held(db: Db, lease: Lease) {
  return db
    .updateTable('tasks')
    .where('id', '=', lease.taskId)
    .where('lease_owner', '=', lease.owner)
    .where('lease_fence', '=', lease.fence)
    .where('finished_at_ms', 'is', null);
}

function toTask(row: Selectable<TaskTable>): Task {
  return {
    id: taskId(row.id),
    type: row.type,
    description: row.description,
    lane: row.lane as Lane, // written from one
    args: fromJson(row.args),
    user: row.username,
    deployment: row.deployment === null ? null : id<DeploymentName>(row.deployment),
    contextId: row.context_id,
    teams: fromJson(row.teams),
    state: row.state as TaskState, // as above
    result: row.result,
    createdAtMs: row.created_at_ms,
    startedAtMs: row.started_at_ms,
    finishedAtMs: row.finished_at_ms,
    checkpointAtMs: row.checkpoint_at_ms,
    attempts: row.attempts,
  };
}
