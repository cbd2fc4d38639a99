import { groupBy } from '../../../common/group-by.ts';
import type { ExpressionBuilder, ExpressionWrapper, SqlBool } from 'kysely';
import type { Instance } from '../instances.ts';
import type { Schema } from '../schema.ts';
import { toDisk, toInstance, toIpAddress, toVm } from './instance-rows.ts';
import { flag } from './rows.ts';
import type { Session } from './session.ts';

/** A page is read and parsed in a few milliseconds, four queries; between pages others get the event loop. */
const pageRows = 250;

interface InstanceFilter {
  id?: string;
  deployment?: string;
  compilation?: boolean;
}

/** With VMs, disks and addresses; by group, then index. */
export async function loadInstances(session: Session, filter: InstanceFilter): Promise<Instance[]> {
  const loaded: Instance[] = [];
  for (let after = 0; ;) {
    const page = await loadPage(session, filter, after);
    loaded.push(...page);
    const last = page.at(-1);
    if (last === undefined || page.length < pageRows) break;
    after = last.number;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return loaded.sort(byGroupAndIndex);
}

function loadPage(session: Session, filter: InstanceFilter, after: number): Promise<Instance[]> {
  return session.read(async (db) => {
    const rows = await db
      .selectFrom('instances')
      .selectAll()
      .where((eb) => matching(eb, filter))
      .where('number', '>', after)
      .orderBy('number')
      .limit(pageRows)
      .execute();
    if (rows.length === 0) return [];
    const ids = rows.map((row) => row.id);
    const vms = await db
      .selectFrom('vms')
      .selectAll()
      .where('instance_id', 'in', ids)
      .orderBy('created_at_ms')
      .execute();
    const disks = await db.selectFrom('disks').selectAll().where('instance_id', 'in', ids).orderBy('key').execute();
    const ips = await db
      .selectFrom('ip_addresses')
      .selectAll()
      .where('instance_id', 'in', ids)
      .orderBy('address')
      .execute();
    const vmsOf = groupBy(vms, (row) => row.instance_id);
    const disksOf = groupBy(disks, (row) => row.instance_id);
    const ipsOf = groupBy(ips, (row) => row.instance_id);
    return rows.map((row) =>
      toInstance(row, {
        vms: (vmsOf.get(row.id) ?? []).map(toVm),
        disks: (disksOf.get(row.id) ?? []).map(toDisk),
        ips: (ipsOf.get(row.id) ?? []).map(toIpAddress),
      }),
    );
  });
}

function matching(
  eb: ExpressionBuilder<Schema, 'instances'>,
  { id, deployment, compilation }: InstanceFilter,
): ExpressionWrapper<Schema, 'instances', SqlBool> {
  return eb.and([
    ...(id === undefined ? [] : [eb('id', '=', id)]),
    ...(deployment === undefined ? [] : [eb('deployment', '=', deployment)]),
    ...(compilation === undefined ? [] : [eb('compilation', '=', flag(compilation))]),
  ]);
}

function byGroupAndIndex(a: Instance, b: Instance): number {
  if (a.deployment !== b.deployment) return a.deployment < b.deployment ? -1 : 1;
  if (a.group !== b.group) return a.group < b.group ? -1 : 1;
  return a.index - b.index || a.number - b.number;
}
