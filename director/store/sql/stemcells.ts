import type { Selectable } from 'kysely';
import { id, type StemcellCid } from '../../../common/ids.ts';
import { compareVersions } from '../../../common/version.ts';
import { groupBy } from '../../../common/group-by.ts';
import type { StemcellTable } from '../schema.ts';
import type { Stemcell, Stemcells } from '../stemcells.ts';
import type { Session } from './session.ts';

export function sqlStemcells(session: Session): Stemcells {
  const where = (column: 'operating_system' | 'name', value: string) =>
    session.read(async (db) => {
      const rows = await db.selectFrom('stemcells').selectAll().where(column, '=', value).execute();
      return rows.map(toStemcell).sort(byNameAndVersion);
    });

  return {
    list: () =>
      session.read(async (db) => {
        const stemcells = (await db.selectFrom('stemcells').selectAll().execute()).map(toStemcell);
        const uses = await db.selectFrom('deployment_stemcells').selectAll().orderBy('deployment').execute();
        const users = groupBy(uses, versionKey);
        return stemcells.sort(byNameAndVersion).map((stemcell) => ({
          ...stemcell,
          deployments: (users.get(versionKey(stemcell)) ?? []).map((use) => use.deployment),
        }));
      }),

    find: (name, version, cpi) =>
      session.read(async (db) => {
        let query = db.selectFrom('stemcells').selectAll().where('name', '=', name).where('version', '=', version);
        if (cpi !== undefined) query = query.where('cpi', '=', cpi);
        return (await query.orderBy('cpi').execute()).map(toStemcell);
      }),

    ofSystem: (operatingSystem) => where('operating_system', operatingSystem),
    ofName: (name) => where('name', name),

    save: (stemcell) =>
      session.write(async (db) => {
        const columns = {
          operating_system: stemcell.operatingSystem,
          cid: stemcell.cid,
          api_version: stemcell.apiVersion,
          digest: stemcell.digest,
        };
        const row = await db
          .insertInto('stemcells')
          .values({ name: stemcell.name, version: stemcell.version, cpi: stemcell.cpi, ...columns })
          .onConflict((conflict) => conflict.columns(['name', 'version', 'cpi']).doUpdateSet(columns))
          .returningAll()
          .executeTakeFirstOrThrow();
        return toStemcell(row);
      }),

    delete: (wanted) =>
      session.write(async (db) => {
        const gone = await db.deleteFrom('stemcells').where('id', '=', wanted).returningAll().executeTakeFirst();
        if (gone === undefined) return;
        // Else a new upload of it would be taken for one that this CPI has had already. CPIs that never took it (they
        // have other formats) forget it together with the last one that did.
        const { left } = await db
          .selectFrom('stemcells')
          .select((eb) => eb.fn.countAll<number>().as('left'))
          .where('name', '=', gone.name)
          .where('version', '=', gone.version)
          .executeTakeFirstOrThrow();
        await db
          .deleteFrom('stemcell_uploads')
          .where('name', '=', gone.name)
          .where('version', '=', gone.version)
          .$if(left > 0, (query) => query.where('cpi', '=', gone.cpi))
          .execute();
      }),

    recordUpload: (upload) =>
      session.write(async (db) => {
        await db
          .insertInto('stemcell_uploads')
          .values(upload)
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      }),

    uploads: (name, version) =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('stemcell_uploads')
          .select('cpi')
          .where('name', '=', name)
          .where('version', '=', version)
          .orderBy('cpi')
          .execute();
        return rows.map((row) => row.cpi);
      }),
  };
}

const versionKey = (of: { name: string; version: string }) => `${of.name}\n${of.version}`;

function byNameAndVersion(a: Stemcell, b: Stemcell): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return compareVersions(a.version, b.version) || (a.cpi < b.cpi ? -1 : 1);
}

function toStemcell(row: Selectable<StemcellTable>): Stemcell {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    operatingSystem: row.operating_system,
    cid: id<StemcellCid>(row.cid),
    cpi: row.cpi,
    apiVersion: row.api_version,
    digest: row.digest,
  };
}
