import { isDeepStrictEqual } from 'node:util';
import type { Selectable } from 'kysely';
import { groupBy } from '../../../common/group-by.ts';
import { type AgentId, id, type InstanceId } from '../../../common/ids.ts';
import type { Dns, DnsAlias, DnsRecord, DnsRecordWithInstance } from '../dns.ts';
import type { DnsAliasTable, DnsRecordTable } from '../schema.ts';
import { fromJson, portions, toJson, valuePortions } from './rows.ts';
import type { Db, Session } from './session.ts';

/** A page is read in some milliseconds; between pages others get the event loop. */
const pageInstances = 500;

export async function recordsOf(
  session: Session,
  of: { deployment: string } | { instance: InstanceId },
): Promise<Map<InstanceId, DnsRecord[]>> {
  const rows = await session.read((db) => {
    const query = db.selectFrom('dns_records').selectAll().orderBy('network');
    return 'deployment' in of
      ? query.where('deployment', '=', of.deployment).execute()
      : query.where('instance_id', '=', of.instance).execute();
  });
  const byInstance = groupBy(rows, (row) => id<InstanceId>(row.instance_id));
  return new Map([...byInstance].map(([instance, own]) => [instance, own.map(toRecord)]));
}

export async function setRecords(db: Db, changes: Parameters<Dns['setRecords']>[0]): Promise<void> {
  const recorded = new Map<string, DnsRecord[]>();
  for (const ids of valuePortions(changes.map(({ instance }) => instance))) {
    const rows = await db.selectFrom('dns_records').selectAll().where('instance_id', 'in', ids).execute();
    for (const [instance, own] of groupBy(rows, (row) => row.instance_id)) recorded.set(instance, own.map(toRecord));
  }
  const differing = changes.filter(
    ({ instance, records }) => !isDeepStrictEqual(byNetwork(records), byNetwork(recorded.get(instance) ?? [])),
  );
  if (differing.length === 0) return;
  for (const ids of valuePortions(differing.map(({ instance }) => instance)))
    await db.deleteFrom('dns_records').where('instance_id', 'in', ids).execute();
  const rows = differing.flatMap(({ instance, records }) => records.map((record) => fromRecord(instance, record)));
  for (const portion of portions(rows)) await db.insertInto('dns_records').values(portion).execute();
  await countChange(db);
}

export async function setAliases(db: Db, deployment: string, aliases: readonly DnsAlias[]): Promise<void> {
  const recorded = await db
    .selectFrom('dns_aliases')
    .selectAll()
    .where('deployment', '=', deployment)
    .orderBy('position')
    .execute();
  if (isDeepStrictEqual(recorded.map(toAlias), [...aliases])) return;
  await db.deleteFrom('dns_aliases').where('deployment', '=', deployment).execute();
  const rows = aliases.map((alias, position) => ({
    deployment,
    position,
    domain: alias.domain,
    group_id: alias.groupId,
    health_filter: alias.healthFilter,
    initial_health_check: alias.initialHealthCheck,
    placeholder_type: alias.placeholderType,
  }));
  for (const portion of portions(rows)) await db.insertInto('dns_aliases').values(portion).execute();
  await countChange(db);
}

async function countChange(db: Db): Promise<void> {
  await db
    .updateTable('dns_changes')
    .set((eb) => ({ count: eb('count', '+', 1) }))
    .execute();
}

export async function recordsAfter(
  session: Session,
  number: number,
): Promise<{ records: DnsRecordWithInstance[]; next: number | null }> {
  return session.read(async (db) => {
    const { last } = await db
      .selectFrom((eb) =>
        eb
          .selectFrom('instances')
          .select('number')
          .where('number', '>', number)
          .orderBy('number')
          .limit(pageInstances)
          .as('page'),
      )
      .select((eb) => eb.fn.max<number | null>('number').as('last'))
      .executeTakeFirstOrThrow();
    if (last === null) return { records: [], next: null };
    const rows = await db
      .selectFrom('instances')
      .innerJoin('dns_records', 'dns_records.instance_id', 'instances.id')
      .selectAll('dns_records')
      .select(['instances.number as number', 'instances.group_index as index'])
      .where('instances.number', '>', number)
      .where('instances.number', '<=', last)
      .orderBy('instances.number')
      .orderBy('dns_records.network')
      .execute();
    const records = rows.map((row) => ({
      ...toRecord(row),
      instanceId: id<InstanceId>(row.instance_id),
      number: row.number,
      index: row.index,
    }));
    return { records, next: last };
  });
}

function byNetwork(records: readonly DnsRecord[]): DnsRecord[] {
  return [...records].sort((a, b) => Buffer.compare(Buffer.from(a.network), Buffer.from(b.network)));
}

function toRecord(row: Selectable<DnsRecordTable>): DnsRecord {
  return {
    network: row.network,
    deployment: row.deployment,
    group: row.instance_group,
    az: row.az,
    ip: row.ip,
    domain: row.domain,
    agentId: row.agent_id === null ? null : id<AgentId>(row.agent_id),
    links: fromJson(row.links),
  };
}

function fromRecord(instance: InstanceId, record: DnsRecord): DnsRecordTable {
  return {
    instance_id: instance,
    network: record.network,
    deployment: record.deployment,
    instance_group: record.group,
    az: record.az,
    ip: record.ip,
    domain: record.domain,
    agent_id: record.agentId,
    links: toJson(record.links),
  };
}

export function toAlias(row: DnsAliasTable): DnsAlias {
  return {
    domain: row.domain,
    groupId: row.group_id,
    healthFilter: row.health_filter,
    initialHealthCheck: row.initial_health_check,
    placeholderType: row.placeholder_type,
  };
}
