import type { Instances } from '../instances.ts';
import { changedColumns, fromVm, toVm } from './instance-rows.ts';
import { flag, toJson } from './rows.ts';
import type { Session } from './session.ts';

export function vmRows(session: Session): Pick<Instances, 'recordVm' | 'updateVm' | 'forgetVm' | 'vmByCid'> {
  return {
    recordVm: (vm) =>
      session.write(async (db) => {
        await db.insertInto('vms').values(fromVm(vm)).execute();
      }),

    updateVm: (agentId, changes) =>
      session.write(async (db) => {
        const columns = changedColumns({
          cid: changes.cid,
          state: changes.state,
          active: changes.active === undefined ? undefined : flag(changes.active),
          cpi: changes.cpi,
          permanent_credentials:
            changes.permanentCredentials === undefined ? undefined : flag(changes.permanentCredentials),
          problem: changes.problem,
          networks: changes.networks === undefined ? undefined : toJson(changes.networks),
        });
        if (Object.keys(columns).length === 0) return;
        const { numUpdatedRows } = await db
          .updateTable('vms')
          .set(columns)
          .where('agent_id', '=', agentId)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n) throw new Error(`no VM of agent ${agentId}`);
      }),

    forgetVm: (agentId) =>
      session.write(async (db) => {
        await db.deleteFrom('vms').where('agent_id', '=', agentId).execute();
      }),

    vmByCid: (cid) =>
      session.read(async (db) => {
        const row = await db.selectFrom('vms').selectAll().where('cid', '=', cid).executeTakeFirst();
        return row === undefined ? undefined : toVm(row);
      }),
  };
}
