import type { Selectable } from 'kysely';
import { type DeploymentName, id } from '../../../common/ids.ts';
import { groupBy } from '../../../common/group-by.ts';
import type { Deployment, Deployments } from '../deployments.ts';
import { pastDeploysOf, pastManifest, recordDeploy } from './past-deploys.ts';
import type { DeploymentTable } from '../schema.ts';
import { fromJson, portions, toJson } from './rows.ts';
import type { Db, Session } from './session.ts';

interface Version {
  name: string;
  version: string;
}

export function sqlDeployments(session: Session): Deployments {
  return {
    list: () =>
      session.read(async (db) => {
        const rows = await db.selectFrom('deployments').selectAll().orderBy('name').execute();
        return withVersions(db, rows);
      }),

    names: () =>
      session.read(async (db) => {
        const rows = await db.selectFrom('deployments').select(['name', 'teams']).orderBy('name').execute();
        return rows.map(({ name, teams }) => ({ name: id<DeploymentName>(name), teams: fromJson<string[]>(teams) }));
      }),

    get: (name) =>
      session.read(async (db) => {
        const rows = await db.selectFrom('deployments').selectAll().where('name', '=', name).execute();
        return (await withVersions(db, rows, name))[0];
      }),

    create: (name, teams, nowMs) =>
      session.write(async (db) => {
        await db
          .insertInto('deployments')
          .values({
            name,
            teams: toJson(teams),
            cloud_config_ids: toJson([]),
            runtime_config_ids: toJson([]),
            created_at_ms: nowMs,
          })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .execute();
        const rows = await db.selectFrom('deployments').selectAll().where('name', '=', name).execute();
        const [deployment] = await withVersions(db, rows, name);
        if (deployment === undefined) throw new Error(`deployment ${name} was deleted while it was made`);
        return deployment;
      }),

    deployed: (name, what) =>
      session.write(async (db) => {
        const { numUpdatedRows } = await db
          .updateTable('deployments')
          .set({
            manifest: what.manifest,
            cloud_config_ids: toJson(what.cloudConfigIds),
            runtime_config_ids: toJson(what.runtimeConfigIds),
          })
          .where('name', '=', name)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n) throw new Error(`no deployment ${name}`);
        await db.deleteFrom('deployment_releases').where('deployment', '=', name).execute();
        await db.deleteFrom('deployment_stemcells').where('deployment', '=', name).execute();
        await addVersions(db, name, what);
        await recordDeploy(db, name, what);
      }),

    pastDeploys: (name) => session.read((db) => pastDeploysOf(db, name)),
    pastManifest: (name, taskId) => session.read((db) => pastManifest(db, name, taskId)),

    uses: (name, what) => session.write((db) => addVersions(db, name, what)),

    delete: (name) =>
      session.write(async (db) => {
        const { left } = await db
          .selectFrom('instances')
          .select((eb) => eb.fn.countAll<number>().as('left'))
          .where('deployment', '=', name)
          .executeTakeFirstOrThrow();
        if (left > 0) throw new Error(`deployment ${name} still has ${left} instances`);
        await db.deleteFrom('deployments').where('name', '=', name).execute();
      }),
  };
}

async function addVersions(
  db: Db,
  deployment: string,
  what: { releases: readonly Version[]; stemcells: readonly Version[] },
): Promise<void> {
  for (const [table, versions] of [
    ['deployment_releases', what.releases],
    ['deployment_stemcells', what.stemcells],
  ] as const) {
    for (const rows of portions(versions.map(({ name, version }) => ({ deployment, name, version })))) {
      await db
        .insertInto(table)
        .values(rows)
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    }
  }
}

/** `only`: all rows are of this one deployment. */
async function withVersions(
  db: Db,
  rows: ReadonlyArray<Selectable<DeploymentTable>>,
  only?: string,
): Promise<Deployment[]> {
  if (rows.length === 0) return [];
  const versionsOf = async (table: 'deployment_releases' | 'deployment_stemcells') => {
    let query = db.selectFrom(table).selectAll().orderBy('name').orderBy('version');
    if (only !== undefined) query = query.where('deployment', '=', only);
    return groupBy(await query.execute(), (row) => row.deployment);
  };
  const releases = await versionsOf('deployment_releases');
  const stemcells = await versionsOf('deployment_stemcells');
  const versions = (found: Version[] | undefined) => (found ?? []).map(({ name, version }) => ({ name, version }));
  return rows.map((row) => ({
    id: row.id,
    name: id<DeploymentName>(row.name),
    manifest: row.manifest,
    teams: fromJson(row.teams),
    cloudConfigIds: fromJson(row.cloud_config_ids),
    runtimeConfigIds: fromJson(row.runtime_config_ids),
    releases: versions(releases.get(row.name)),
    stemcells: versions(stemcells.get(row.name)),
    createdAtMs: row.created_at_ms,
  }));
}
