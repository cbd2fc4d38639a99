import type { DeploymentName, DiskCid, InstanceId, SnapshotCid } from '../../common/ids.ts';

export interface Snapshot {
  /** Ours, chosen before the CPI was asked. */
  key: string;
  /** Null until the CPI has answered. */
  cid: SnapshotCid | null;
  /** Of its disk: it keeps its snapshots when it is orphaned, adopted, or gets another cid. */
  diskKey: string;
  cpi: string;
  /** Nothing was writing to the disk. */
  clean: boolean;
  createdAtMs: number;
}

/** One whose disk an instance has. */
export interface SnapshotOfInstance extends Snapshot {
  diskCid: DiskCid | null;
  deployment: DeploymentName;
  group: string;
  index: number;
  instanceId: InstanceId;
}

export interface Snapshots {
  /** Before the CPI is asked. Recorded already: as it was. */
  record(snapshot: Snapshot): Promise<Snapshot>;
  taken(key: string, cid: SnapshotCid): Promise<void>;
  /** Once the infrastructure holds it no more. */
  forget(key: string): Promise<void>;
  /** By group, index and time. Those of orphaned disks are no deployment's. */
  ofDeployment(deployment: string): Promise<SnapshotOfInstance[]>;
  byCid(cid: SnapshotCid): Promise<SnapshotOfInstance | undefined>;
  ofOrphanedDisk(cid: DiskCid): Promise<Snapshot[]>;
  all(): Promise<Snapshot[]>;
}
