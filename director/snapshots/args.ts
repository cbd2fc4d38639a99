/** Arguments of the task `create_snapshot`. */
export interface CreateSnapshotArgs {
  deployment: string;
  instanceId: string;
}

/** Arguments of the tasks `snapshot_deployment` and `delete_deployment_snapshots`. */
export interface DeploymentSnapshotsArgs {
  deployment: string;
}

/** Arguments of the task `delete_snapshot`. */
export interface DeleteSnapshotsArgs {
  cids: readonly string[];
}
