import type { Instances } from '../instances.ts';
import { changedColumns, fromDisk, toOrphanedDisk } from './instance-rows.ts';
import { flag, toJson } from './rows.ts';
import type { Session } from './session.ts';

type Disks = Pick<
  Instances,
  'recordDisk' | 'updateDisk' | 'forgetDisk' | 'orphanDisk' | 'orphanedDisks' | 'forgetOrphanedDisk'
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

    forgetOrphanedDisk: (cid) =>
      session.write(async (db) => {
        await db.deleteFrom('orphaned_disks').where('cid', '=', cid).execute();
      }),
  };
}
