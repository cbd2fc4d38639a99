import { gunzipSync, gzipSync } from 'node:zlib';
import { taskId, type TaskId } from '../../../common/ids.ts';
import type { Deployments, PastDeploy } from '../deployments.ts';
import { fromJson, toJson } from './rows.ts';
import type { Db } from './session.ts';

const kept = 10;

/** Manifests are kilobytes that compress to a fifth; a thousand deployments keep ten each. */
const pack = (manifest: string) => gzipSync(manifest);
const unpack = (bytes: Uint8Array) => gunzipSync(bytes).toString();

export async function recordDeploy(
  db: Db,
  deployment: string,
  { manifest, cloudConfigIds, runtimeConfigIds, deploy }: Parameters<Deployments['deployed']>[1],
): Promise<void> {
  const row = {
    deployment,
    task_id: deploy.taskId,
    at_ms: deploy.atMs,
    username: deploy.user,
    manifest: pack(manifest),
    cloud_config_ids: toJson(cloudConfigIds),
    runtime_config_ids: toJson(runtimeConfigIds),
    versions: toJson(deploy.versions),
  };
  const newest = await newestFirst(db, deployment).selectAll().limit(1).executeTakeFirst();
  const isSame =
    newest?.cloud_config_ids === row.cloud_config_ids &&
    newest.runtime_config_ids === row.runtime_config_ids &&
    newest.versions === row.versions &&
    unpack(newest.manifest) === manifest;
  const gone = db.deleteFrom('past_deploys').where('deployment', '=', deployment);
  if (isSame) await gone.where('task_id', '=', newest.task_id).execute();
  await gone.where('task_id', '=', deploy.taskId).execute(); // the task was run again
  await db.insertInto('past_deploys').values(row).execute();
  const old = await newestFirst(db, deployment).select('task_id').limit(1).offset(kept).executeTakeFirst();
  if (old !== undefined) await gone.where('task_id', '<=', old.task_id).execute();
}

export async function pastDeploysOf(db: Db, deployment: string): Promise<PastDeploy[]> {
  const rows = await newestFirst(db, deployment)
    .select(['task_id', 'at_ms', 'username', 'cloud_config_ids', 'runtime_config_ids', 'versions'])
    .execute();
  return rows.map((row) => ({
    taskId: taskId(row.task_id),
    atMs: row.at_ms,
    user: row.username,
    cloudConfigIds: fromJson(row.cloud_config_ids),
    runtimeConfigIds: fromJson(row.runtime_config_ids),
    versions: fromJson(row.versions),
  }));
}

export async function pastManifest(db: Db, deployment: string, task: TaskId): Promise<string | undefined> {
  const row = await newestFirst(db, deployment).select('manifest').where('task_id', '=', task).executeTakeFirst();
  return row === undefined ? undefined : unpack(row.manifest);
}

function newestFirst(db: Db, deployment: string) {
  return db.selectFrom('past_deploys').where('deployment', '=', deployment).orderBy('task_id', 'desc');
}
