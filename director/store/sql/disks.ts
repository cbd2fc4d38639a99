import type { Instances } from '../instances.ts';
import { changedColumns, fromDisk, toDisk, toOrphanedDisk } from './instance-rows.ts';
import { flag, fromJson, toJson } from './rows.ts';
import type { Session } from './session.ts';

type Disks = Pick<
  Instances,
  | 'recordDisk'
  | 'updateDisk'
  | 'forgetDisk'
  | 'orphanDisk'
  | 'orphanedDisks'
  | 'orphanedDisk'
  | 'forgetOrphanedDisk'
  | 'diskByCid'
  | 'adoptDisk'
>;

export function diskRows(session: Session): Disks {
  return {
    recordDisk: (disk) =>
      session.write(async (db) => {
        await db.insertInto('disks').values(fromDisk(disk)).execute();
      }),

    updateDisk: (key, changes) =>
      session.write(async (db) => {
        const columns = changedColumns({
          cid: changes.cid,
          state: changes.state,
          active: changes.active === undefined ? undefined : flag(changes.active),
          size_mib: changes.sizeMib,
          cloud_properties: changes.cloudProperties === undefined ? undefined : toJson(changes.cloudProperties),
          variable_set_id: changes.variableSet,
        });
        if (Object.keys(columns).length === 0) return;
        const { numUpdatedRows } = await db
          .updateTable('disks')
          .set(columns)
          .where('key', '=', key)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n) throw new Error(`no disk ${key}`);
      }),

    forgetDisk: (key) =>
      session.write(async (db) => {
        await db.deleteFrom('snapshots').where('disk_key', '=', key).execute();
        await db.deleteFrom('disks').where('key', '=', key).execute();
      }),

    orphanDisk: (key, from, nowMs) =>
      session.write(async (db) => {
        const disk = await db.deleteFrom('disks').where('key', '=', key).returningAll().executeTakeFirst();
        if (disk === undefined) {
          const already = await db.selectFrom('orphaned_disks').select('key').where('key', '=', key).executeTakeFirst();
          if (already !== undefined) return; // by a worker that was killed right after
          throw new Error(`no disk ${key}`);
        }
        if (disk.cid === null) throw new Error(`disk ${key} can't be orphaned: the CPI never gave it an id`);
        await db
          .insertInto('orphaned_disks')
          .values({
            cid: disk.cid,
            key,
            size_mib: disk.size_mib,
            ...from,
            cloud_properties: disk.cloud_properties,
            cpi: disk.cpi,
            orphaned_at_ms: nowMs,
          })
          .execute();
      }),

    orphanedDisks: () =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('orphaned_disks')
          .selectAll()
          .orderBy('orphaned_at_ms')
          .orderBy('cid')
          .execute();
        return rows.map(toOrphanedDisk);
      }),

    orphanedDisk: (cid) =>
      session.read(async (db) => {
        const row = await db.selectFrom('orphaned_disks').selectAll().where('cid', '=', cid).executeTakeFirst();
        return row === undefined ? undefined : toOrphanedDisk(row);
      }),

    diskByCid: (cid) =>
      session.read(async (db) => {
        const row = await db.selectFrom('disks').selectAll().where('cid', '=', cid).executeTakeFirst();
        return row === undefined ? undefined : toDisk(row);
      }),

    adoptDisk: (unknown) =>
      session.write(async (db) => {
        const { cid } = unknown;
        const holder = await db.selectFrom('disks').select('instance_id').where('cid', '=', cid).executeTakeFirst();
        if (holder !== undefined) throw new Error(`instance ${holder.instance_id} has disk ${cid}`);
        const orphan = await db.deleteFrom('orphaned_disks').where('cid', '=', cid).returningAll().executeTakeFirst();
        const disk =
          orphan === undefined
            ? unknown
            : {
                ...unknown,
                key: orphan.key,
                sizeMib: orphan.size_mib,
                cloudProperties: fromJson<Record<string, unknown>>(orphan.cloud_properties),
                cpi: orphan.cpi,
              };
        await db.insertInto('disks').values(fromDisk(disk)).execute();
        return disk;
      }),

    forgetOrphanedDisk: (cid) =>
      session.write(async (db) => {
        await db.deleteFrom('orphaned_disks').where('cid', '=', cid).execute();
      }),
  };
}
