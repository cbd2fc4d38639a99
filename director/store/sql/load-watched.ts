import { sql } from 'kysely';
import { type AgentId, type DeploymentName, id, type InstanceId, type VmCid } from '../../../common/ids.ts';
import type { WatchedInstance } from '../instances.ts';
import { flag, unflag } from './rows.ts';
import type { Session } from './session.ts';

/** A page is read in a few milliseconds; between pages others get the event loop. */
const pageRows = 1_000;

/** By number. A spec is looked into by the database: most of them are long, and one word of each is wanted. */
export async function loadWatched(session: Session): Promise<WatchedInstance[]> {
  const loaded: WatchedInstance[] = [];
  const lifecycle =
    session.dialect === 'postgres'
      ? sql<string | null>`instances.spec::json ->> 'lifecycle'`
      : sql<string | null>`json_extract(instances.spec, '$.lifecycle')`;
  for (let after = 0; ;) {
    const rows = await session.read((db) =>
      db
        .selectFrom('instances')
        .leftJoin('vms', (join) => join.onRef('vms.instance_id', '=', 'instances.id').on('vms.active', '=', flag(true)))
        .select([
          'instances.number',
          'instances.id',
          'instances.deployment',
          'instances.group_name',
          'instances.group_index',
          'instances.state',
          'instances.compilation',
          'instances.ignored',
          'vms.agent_id',
          'vms.cid',
        ])
        .select(lifecycle.as('lifecycle'))
        .where('instances.number', '>', after)
        .orderBy('instances.number')
        .limit(pageRows)
        .execute(),
    );
    for (const row of rows) {
      loaded.push({
        id: id<InstanceId>(row.id),
        deployment: id<DeploymentName>(row.deployment),
        group: row.group_name,
        index: row.group_index,
        agentId: row.agent_id === null ? null : id<AgentId>(row.agent_id),
        cid: row.cid === null ? null : id<VmCid>(row.cid),
        expectsVm: row.state !== 'detached' && !unflag(row.compilation) && row.lifecycle === 'service',
        ignored: unflag(row.ignored),
      });
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageRows) return loaded;
    after = last.number;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
