/** Arguments of the task `attach_disk`. */
export interface AttachDiskArgs {
  deployment: string;
  group: string;
  instanceId: string;
  diskCid: string;
  /** Of a disk that nobody knew: it is as large as the one before it, with its cloud properties. */
  copyProperties: boolean;
}

/** Arguments of the task `orphan_disk`. */
export interface OrphanDiskArgs {
  diskCid: string;
}

/** Arguments of the task `delete_orphan_disks`. */
export interface DeleteOrphanedDisksArgs {
  diskCids: readonly string[];
}
