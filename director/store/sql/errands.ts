import { type AgentId, id, type InstanceId, taskId } from '../../../common/ids.ts';
import type { Errands } from '../errands.ts';
import type { Session } from './session.ts';

export function sqlErrands(session: Session): Errands {
  return {
    successOf: (deployment, errand) =>
      session.read(async (db) => {
        const row = await db
          .selectFrom('errand_successes')
          .select('state_hash')
          .where('deployment', '=', deployment)
          .where('errand', '=', errand)
          .executeTakeFirst();
        return row?.state_hash;
      }),

    setSuccess: (deployment, errand, stateHash) =>
      session.write(async (db) => {
        if (stateHash === null) {
          await db
            .deleteFrom('errand_successes')
            .where('deployment', '=', deployment)
            .where('errand', '=', errand)
            .execute();
          return;
        }
        await db
          .insertInto('errand_successes')
          .values({ deployment, errand, state_hash: stateHash })
          .onConflict((conflict) => conflict.columns(['deployment', 'errand']).doUpdateSet({ state_hash: stateHash }))
          .execute();
      }),

    startsOf: (task) =>
      session.read(async (db) => {
        const rows = await db.selectFrom('errand_starts').selectAll().where('task_id', '=', task).execute();
        return rows.map((row) => ({
          taskId: taskId(row.task_id),
          instanceId: id<InstanceId>(row.instance_id),
          agentId: id<AgentId>(row.agent_id),
          agentTaskId: row.agent_task_id,
          exitCode: row.exit_code,
        }));
      }),

    recordStart: (start) =>
      session.write(async (db) => {
        const { taskId: task_id, instanceId: instance_id } = start;
        const found = { agent_id: start.agentId, agent_task_id: start.agentTaskId, exit_code: start.exitCode };
        await db
          .insertInto('errand_starts')
          .values({ task_id, instance_id, ...found })
          .onConflict((conflict) => conflict.columns(['task_id', 'instance_id']).doUpdateSet(found))
          .execute();
      }),

    forgetEnded: () =>
      session.write(async (db) => {
        await db
          .deleteFrom('errand_starts')
          .where('task_id', 'in', (sub) => sub.selectFrom('tasks').select('id').where('finished_at_ms', 'is not', null))
          .execute();
      }),
  };
}
