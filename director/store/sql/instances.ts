import type { Instances } from '../instances.ts';
import { diskRows } from './disks.ts';
import { changedColumns, fromInstance } from './instance-rows.ts';
import { ipAddressRows } from './ip-addresses.ts';
import { loadInstances } from './load-instances.ts';
import { loadWatched } from './load-watched.ts';
import { orphanedVmRows } from './orphaned-vms.ts';
import { flag, portions, toJson } from './rows.ts';
import type { Session } from './session.ts';
import { vmRows } from './vms.ts';

export function sqlInstances(session: Session): Instances {
  return {
    ...vmRows(session),
    ...orphanedVmRows(session),
    ...diskRows(session),
    ...ipAddressRows(session),

    ofDeployment: async (deployment, { compilation = false } = {}) =>
      loadInstances(session, compilation ? { deployment } : { deployment, compilation }),
    get: async (id) => (await loadInstances(session, { id }))[0],
    all: () => loadInstances(session, {}),
    watched: () => loadWatched(session),

    numbers: (deployment) =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('instances')
          .select(['id', 'number'])
          .where('deployment', '=', deployment)
          .where('compilation', '=', flag(false))
          .execute();
        return new Map(rows.map((row) => [row.id, row.number]));
      }),

    countByDeployment: () =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('instances')
          .select((eb) => ['deployment', eb.fn.countAll<number>().as('count')])
          .where('compilation', '=', flag(false))
          .groupBy('deployment')
          .execute();
        return new Map(rows.map((row) => [row.deployment, row.count]));
      }),

    create: (instances) =>
      session.write(async (db) => {
        for (const rows of portions(instances.map(fromInstance))) {
          await db.insertInto('instances').values(rows).execute();
        }
      }),

    update: (id, changes) =>
      session.write(async (db) => {
        const columns = changedColumns({
          group_name: changes.group,
          group_index: changes.index,
          az: changes.az,
          state: changes.state,
          bootstrap: changes.bootstrap === undefined ? undefined : flag(changes.bootstrap),
          ignored: changes.ignore === undefined ? undefined : flag(changes.ignore),
          update_completed: changes.updateCompleted === undefined ? undefined : flag(changes.updateCompleted),
          spec: changes.spec === undefined || changes.spec === null ? changes.spec : toJson(changes.spec),
          variable_set_id: changes.variableSet,
        });
        if (Object.keys(columns).length === 0) return;
        const { numUpdatedRows } = await db
          .updateTable('instances')
          .set(columns)
          .where('id', '=', id)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n) throw new Error(`no instance ${id}`);
      }),

    delete: (id) =>
      session.write(async (db) => {
        for (const table of ['vms', 'disks', 'ip_addresses'] as const) {
          const left = await db
            .selectFrom(table)
            .select('instance_id')
            .where('instance_id', '=', id)
            .limit(1)
            .executeTakeFirst();
          if (left !== undefined) throw new Error(`instance ${id} can't be forgotten: it has rows in ${table}`);
        }
        await db.deleteFrom('instances').where('id', '=', id).execute();
      }),
  };
}
