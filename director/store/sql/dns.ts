import { type AgentId, type BlobId, id } from '../../../common/ids.ts';
import type { Dns, DnsGroupType } from '../dns.ts';
import { recordsAfter, recordsOf, setAliases, setRecords, toAlias } from './dns-records.ts';
import { flag, portions, valuePortions } from './rows.ts';
import type { Db, Session } from './session.ts';

export function sqlDns(session: Session): Dns {
  return {
    numbers: () =>
      session.read(async (db) => {
        const named = async (table: 'dns_azs' | 'dns_networks') =>
          new Map((await db.selectFrom(table).selectAll().execute()).map((row) => [row.name, row.id]));
        const groups = await db.selectFrom('dns_groups').selectAll().execute();
        return {
          azs: await named('dns_azs'),
          networks: await named('dns_networks'),
          groups: groups.map(({ type, name, deployment, id: number }) => ({
            type: type as DnsGroupType, // written from one
            name,
            deployment,
            number,
          })),
        };
      }),

    number: ({ azs, networks, groups, deployment }) =>
      session.write(async (db) => {
        await name(db, 'dns_azs', [...azs]);
        await name(db, 'dns_networks', [...networks]);
        const known = await db.selectFrom('dns_groups').selectAll().where('deployment', '=', deployment).execute();
        const keys = new Set(known.map((row) => `${row.type} ${row.name}`));
        const fresh = groups.filter(({ type, name }) => !keys.has(`${type} ${name}`));
        for (const rows of portions(fresh.map(({ type, name }) => ({ type, name, deployment }))))
          await db
            .insertInto('dns_groups')
            .values(rows)
            .onConflict((conflict) => conflict.doNothing())
            .execute();
      }),

    records: async (deployment) => recordsOf(session, { deployment }),
    recordsOf: async (instance) => (await recordsOf(session, { instance })).get(instance) ?? [],
    setRecords: (changes) => session.write((db) => setRecords(db, changes)),
    setAliases: (deployment, aliases) => session.write((db) => setAliases(db, deployment, aliases)),
    recordsAfter: (number) => recordsAfter(session, number),
    allAliases: () =>
      session.read(async (db) => {
        const rows = await db.selectFrom('dns_aliases').selectAll().orderBy('deployment').orderBy('position').execute();
        return rows.map(toAlias);
      }),

    changes: () =>
      session.read(async (db) => (await db.selectFrom('dns_changes').select('count').executeTakeFirstOrThrow()).count),

    ...blobRows(session),
    ...agentRows(session),
  };
}

/** Insert-or-ignore takes a number from the counter each time: what is there already is not tried. */
async function name(db: Db, table: 'dns_azs' | 'dns_networks', names: readonly string[]): Promise<void> {
  const known = new Set<string>();
  for (const portion of valuePortions(names))
    for (const row of await db.selectFrom(table).select('name').where('name', 'in', portion).execute())
      known.add(row.name);
  for (const rows of portions(names.filter((each) => !known.has(each)).map((each) => ({ name: each }))))
    await db
      .insertInto(table)
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
}

function blobRows(session: Session): Pick<Dns, 'newestBlob' | 'nextVersion' | 'blobMade' | 'blobs' | 'forgetBlobs'> {
  const made = (db: Db) => db.selectFrom('dns_blobs').selectAll().where('blob_id', 'is not', null);
  const toBlob = (row: Awaited<ReturnType<ReturnType<typeof made>['executeTakeFirstOrThrow']>>) => ({
    version: row.version,
    blobId: id<BlobId>(row.blob_id ?? ''), // `made` has only those that have one
    digest: row.digest ?? '',
    changes: row.changes,
    createdAtMs: row.created_at_ms,
  });
  return {
    newestBlob: () =>
      session.read(async (db) => {
        const row = await made(db).orderBy('version', 'desc').limit(1).executeTakeFirst();
        return row === undefined ? undefined : toBlob(row);
      }),

    nextVersion: (changes, nowMs) =>
      session.write(async (db) => {
        const row = await db
          .insertInto('dns_blobs')
          .values({ blob_id: null, digest: null, changes, created_at_ms: nowMs })
          .returning('version')
          .executeTakeFirstOrThrow();
        return row.version;
      }),

    blobMade: (version, { blobId, digest }) =>
      session.write(async (db) => {
        await db.updateTable('dns_blobs').set({ blob_id: blobId, digest }).where('version', '=', version).execute();
        // Those that a director did not live to finish.
        await db.deleteFrom('dns_blobs').where('version', '<', version).where('blob_id', 'is', null).execute();
      }),

    blobs: () => session.read(async (db) => (await made(db).orderBy('version').execute()).map(toBlob)),

    forgetBlobs: (versions) =>
      session.write(async (db) => {
        for (const portion of valuePortions(versions))
          await db.deleteFrom('dns_blobs').where('version', 'in', portion).execute();
      }),
  };
}

function agentRows(session: Session): Pick<Dns, 'agents' | 'agentsHave' | 'forgetGoneAgents'> {
  return {
    agents: () =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('vms')
          .innerJoin('instances', 'instances.id', 'vms.instance_id')
          .leftJoin('dns_agent_versions', 'dns_agent_versions.agent_id', 'vms.agent_id')
          .select(['vms.agent_id as agent', 'dns_agent_versions.version as version'])
          .where('vms.active', '=', flag(true))
          .where('vms.state', '=', 'live')
          .where('instances.compilation', '=', flag(false))
          .orderBy('vms.agent_id')
          .execute();
        return rows.map(({ agent, version }) => ({ agentId: id<AgentId>(agent), version: version ?? 0 }));
      }),

    agentsHave: (version, agents) =>
      session.write(
        async (db) => {
          for (const rows of portions(agents.map((agent) => ({ agent_id: agent, version }))))
            await db
              .insertInto('dns_agent_versions')
              .values(rows)
              .onConflict((conflict) =>
                conflict.column('agent_id').doUpdateSet({ version }).where('dns_agent_versions.version', '<', version),
              )
              .execute();
        },
        { relaxed: true }, // forgotten, they are told again
      ),

    forgetGoneAgents: () =>
      session.write(async (db) => {
        await db
          .deleteFrom('dns_agent_versions')
          .where('agent_id', 'not in', (eb) => eb.selectFrom('vms').select('agent_id'))
          .execute();
      }),
  };
}
