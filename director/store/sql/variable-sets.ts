import { groupBy } from '../../../common/group-by.ts';
import type { Pin, Unchanged, VariableSets } from '../variable-sets.ts';
import { flag, portions, valuePortions } from './rows.ts';
import type { Db, Session } from './session.ts';

export function sqlVariableSets(session: Session): VariableSets {
  return {
    begin: (deployment, taskId, nowMs) =>
      session.write(async (db) => {
        await db
          .insertInto('variable_sets')
          .values({ deployment, task_id: taskId, created_at_ms: nowMs, successful: flag(false) })
          .onConflict((conflict) => conflict.columns(['deployment', 'task_id']).doNothing())
          .execute();
        const { id } = await db
          .selectFrom('variable_sets')
          .select('id')
          .where('deployment', '=', deployment)
          .where('task_id', '=', taskId)
          .executeTakeFirstOrThrow();
        return id;
      }),

    lastSuccessful: (deployment) => session.read((db) => lastSuccessful(db, deployment)),

    previous: (deployment, setId) =>
      session.read(async (db) => {
        const row = await db
          .selectFrom('variable_sets')
          .select((eb) => eb.fn.max('id').as('id'))
          .where('deployment', '=', deployment)
          .where('id', '<', setId)
          .executeTakeFirst();
        return row?.id ?? null;
      }),

    pins: (setIds) =>
      session.read(async (db) => {
        const rows: Array<Pin & { setId: number }> = [];
        for (const portion of valuePortions(setIds)) {
          const found = await db.selectFrom('variables').selectAll().where('set_id', 'in', portion).execute();
          for (const { set_id: setId, name, provider, version_id: versionId } of found) {
            rows.push({ setId, name, provider, versionId });
          }
        }
        return groupBy(rows, ({ setId }) => setId);
      }),

    pin: (setId, pins) =>
      session.write(async (db) => {
        const rows = pins.map(({ name, provider, versionId }) => ({
          set_id: setId,
          name,
          provider,
          version_id: versionId,
        }));
        for (const portion of portions(rows)) {
          await db
            .insertInto('variables')
            .values(portion)
            .onConflict((conflict) => conflict.doNothing())
            .execute();
        }
      }),

    succeeded: (deployment, setId, unchanged) =>
      session.write(async (db) => {
        await adopt(db, setId, unchanged);
        await db
          .updateTable('variable_sets')
          .set({ successful: flag(true) })
          .where('id', '=', setId)
          .execute();
        await dropUnused(db, deployment, setId);
      }),

    ofDeployment: (deployment) =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('variables')
          .innerJoin('variable_sets', 'variable_sets.id', 'variables.set_id')
          .select(['variables.name', 'variables.version_id'])
          .distinct()
          .where('variable_sets.deployment', '=', deployment)
          .orderBy('variables.name')
          .orderBy('variables.version_id')
          .execute();
        return rows.map(({ name, version_id: versionId }) => ({ name, versionId }));
      }),

    deployedWith: (name) =>
      session.read(async (db) => {
        const last = db
          .selectFrom('variable_sets')
          .select((eb) => eb.fn.max('id').as('id'))
          .where('successful', '=', flag(true))
          .groupBy('deployment');
        const rows = await db
          .selectFrom('variables')
          .innerJoin('variable_sets', 'variable_sets.id', 'variables.set_id')
          .select(['variable_sets.deployment', 'variables.version_id'])
          .where('variables.name', '=', name)
          .where('variables.provider', '=', '')
          .where('variable_sets.id', 'in', last)
          .orderBy('variable_sets.deployment')
          .execute();
        return rows.map(({ deployment, version_id: versionId }) => ({ deployment, versionId }));
      }),
  };
}

async function lastSuccessful(db: Db, deployment: string): Promise<number | null> {
  const row = await db
    .selectFrom('variable_sets')
    .select((eb) => eb.fn.max('id').as('id'))
    .where('deployment', '=', deployment)
    .where('successful', '=', flag(true))
    .executeTakeFirst();
  return row?.id ?? null;
}

async function adopt(db: Db, setId: number, { instances, vms, disks }: Unchanged): Promise<void> {
  const changes = { variable_set_id: setId };
  for (const ids of valuePortions(instances)) {
    await db.updateTable('instances').set(changes).where('id', 'in', ids).execute();
  }
  for (const agentIds of valuePortions(vms)) {
    await db.updateTable('vms').set(changes).where('agent_id', 'in', agentIds).execute();
  }
  for (const keys of valuePortions(disks)) {
    await db.updateTable('disks').set(changes).where('key', 'in', keys).execute();
  }
}

async function dropUnused(db: Db, deployment: string, setId: number): Promise<void> {
  let query = db.deleteFrom('variable_sets').where('deployment', '=', deployment).where('id', '!=', setId);
  for (const table of ['instances', 'vms', 'disks'] as const) {
    query = query.where('id', 'not in', (eb) =>
      eb
        .selectFrom(table)
        .select('variable_set_id')
        .where('variable_set_id', 'is not', null)
        .$castTo<{ variable_set_id: number }>(),
    );
  }
  await query.execute();
}
