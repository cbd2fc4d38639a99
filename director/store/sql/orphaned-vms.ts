import { id, type AgentId, type VmCid } from '../../../common/ids.ts';
import type { Instances } from '../instances.ts';
import { toVm } from './instance-rows.ts';
import { fromJson, toJson } from './rows.ts';
import type { Session } from './session.ts';

type OrphanedVms = Pick<Instances, 'orphanVm' | 'orphanedVms' | 'forgetOrphanedVm'>;

export function orphanedVmRows(session: Session): OrphanedVms {
  return {
    orphanVm: (agentId, from, nowMs) =>
      session.write(async (db) => {
        const row = await db.deleteFrom('vms').where('agent_id', '=', agentId).returningAll().executeTakeFirst();
        if (row === undefined) throw new Error(`no VM of agent ${agentId}`);
        const vm = toVm(row);
        const addresses = ownAddresses(vm.networks);
        await db
          .insertInto('orphaned_vms')
          .values({
            agent_id: agentId,
            cid: vm.cid,
            cpi: vm.cpi,
            api_version: vm.stemcell.apiVersion,
            ...from,
            addresses: toJson(addresses),
            orphaned_at_ms: nowMs,
          })
          .execute();
        const others = await db.selectFrom('vms').selectAll().where('instance_id', '=', vm.instanceId).execute();
        const used = new Set(others.flatMap((other) => ownAddresses(toVm(other).networks)));
        const freed = addresses.filter((address) => !used.has(address));
        if (freed.length === 0) return [];
        await db
          .deleteFrom('ip_addresses')
          .where('instance_id', '=', vm.instanceId)
          .where('address', 'in', freed)
          .execute();
        return freed;
      }),

    orphanedVms: () =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('orphaned_vms')
          .selectAll()
          .orderBy('orphaned_at_ms')
          .orderBy('agent_id')
          .execute();
        return rows.map((row) => ({
          agentId: id<AgentId>(row.agent_id),
          cid: row.cid === null ? null : id<VmCid>(row.cid),
          cpi: row.cpi,
          apiVersion: row.api_version,
          az: row.az,
          deployment: row.deployment,
          instance: row.instance,
          addresses: fromJson<string[]>(row.addresses),
          orphanedAtMs: row.orphaned_at_ms,
        }));
      }),

    forgetOrphanedVm: (agentId) =>
      session.write(async (db) => {
        await db.deleteFrom('orphaned_vms').where('agent_id', '=', agentId).execute();
      }),
  };
}

/** Those that we chose; on a dynamic network the infrastructure gives none twice. */
function ownAddresses(networks: Readonly<Record<string, unknown>>): string[] {
  return Object.values(networks).flatMap((network) => {
    const { type, ip } = network as { type?: string; ip?: string }; // networkSettings made it
    return type === 'dynamic' || ip === undefined || ip === '' ? [] : [ip];
  });
}
