import type { Insertable, Selectable } from 'kysely';
import { id, type DeploymentName, type DiskCid, type InstanceId, type SnapshotCid } from '../../../common/ids.ts';
import type { SnapshotTable } from '../schema.ts';
import type { Snapshot, SnapshotOfInstance, Snapshots } from '../snapshots.ts';
import { flag, unflag } from './rows.ts';
import type { Db, Session } from './session.ts';

export function sqlSnapshots(session: Session): Snapshots {
  return {
    record: (snapshot) =>
      session.write(async (db) => {
        await db
          .insertInto('snapshots')
          .values(fromSnapshot(snapshot))
          .onConflict((on) => on.doNothing())
          .execute();
        const row = await db.selectFrom('snapshots').selectAll().where('key', '=', snapshot.key).executeTakeFirst();
        return row === undefined ? snapshot : toSnapshot(row);
      }),

    taken: (key, cid) =>
      session.write(async (db) => {
        await db.updateTable('snapshots').set({ cid }).where('key', '=', key).execute();
      }),

    forget: (key) =>
      session.write(async (db) => {
        await db.deleteFrom('snapshots').where('key', '=', key).execute();
      }),

    ofDeployment: (deployment) =>
      session.read(async (db) => {
        const rows = await ofInstances(db)
          .where('instances.deployment', '=', deployment)
          .orderBy('instances.group_name')
          .orderBy('instances.group_index')
          .orderBy('snapshots.created_at_ms')
          .orderBy('snapshots.key')
          .execute();
        return rows.map(toSnapshotOfInstance);
      }),

    byCid: (cid) =>
      session.read(async (db) => {
        const row = await ofInstances(db).where('snapshots.cid', '=', cid).executeTakeFirst();
        return row === undefined ? undefined : toSnapshotOfInstance(row);
      }),

    ofOrphanedDisk: (cid) =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('snapshots')
          .innerJoin('orphaned_disks', 'orphaned_disks.key', 'snapshots.disk_key')
          .selectAll('snapshots')
          .where('orphaned_disks.cid', '=', cid)
          .orderBy('snapshots.created_at_ms')
          .execute();
        return rows.map(toSnapshot);
      }),

    all: () =>
      session.read(async (db) =>
        (await db.selectFrom('snapshots').selectAll().orderBy('created_at_ms').execute()).map(toSnapshot),
      ),
  };
}

function ofInstances(db: Db) {
  return db
    .selectFrom('snapshots')
    .innerJoin('disks', 'disks.key', 'snapshots.disk_key')
    .innerJoin('instances', 'instances.id', 'disks.instance_id')
    .selectAll('snapshots')
    .select([
      'disks.cid as disk_cid',
      'instances.deployment',
      'instances.group_name',
      'instances.group_index',
      'instances.id as instance_id',
    ]);
}

function toSnapshot(row: Selectable<SnapshotTable>): Snapshot {
  return {
    key: row.key,
    cid: row.cid === null ? null : id<SnapshotCid>(row.cid),
    diskKey: row.disk_key,
    cpi: row.cpi,
    clean: unflag(row.clean),
    createdAtMs: row.created_at_ms,
  };
}

type RowOfInstance = Awaited<ReturnType<ReturnType<typeof ofInstances>['executeTakeFirstOrThrow']>>;

function toSnapshotOfInstance(row: RowOfInstance): SnapshotOfInstance {
  return {
    ...toSnapshot(row),
    diskCid: row.disk_cid === null ? null : id<DiskCid>(row.disk_cid),
    deployment: id<DeploymentName>(row.deployment),
    group: row.group_name,
    index: row.group_index,
    instanceId: id<InstanceId>(row.instance_id),
  };
}

function fromSnapshot(snapshot: Snapshot): Insertable<SnapshotTable> {
  return {
    key: snapshot.key,
    cid: snapshot.cid,
    disk_key: snapshot.diskKey,
    cpi: snapshot.cpi,
    clean: flag(snapshot.clean),
    created_at_ms: snapshot.createdAtMs,
  };
}
