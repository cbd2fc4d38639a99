import type { AgentId, DiskCid, NetworkCid, SnapshotCid, StemcellCid, VmCid } from '../../common/ids.ts';
import type { CloudProperties, DiskHint, Metadata, NetworkSettings, SnapshotMetadata } from '../cpi.ts';

export type { CloudProperties, DiskHint, Metadata, NetworkSettings };

/** What the infrastructure holds. Records are replaced, never changed in place. */
export interface Records {
  stemcells: Stemcell;
  vms: Vm;
  disks: Disk;
  snapshots: Snapshot;
  networks: Network;
}

export interface Stemcell {
  readonly cid: StemcellCid;
  readonly image: StemcellImage;
}

export interface StemcellImage {
  readonly bytes: number;
  readonly cloudProperties: CloudProperties;
}

export interface Vm {
  readonly cid: VmCid;
  readonly agentId: AgentId;
  readonly stemcellCid: StemcellCid;
  readonly zone: string | null;
  readonly cpu: number;
  readonly ramMib: number;
  readonly ephemeralDiskMib: number;
  readonly cloudProperties: CloudProperties;
  /** By the manifest's name, with the addresses that the infrastructure gave on dynamic ones. */
  readonly networks: Record<string, NetworkSettings>;
  /** Holds the agent's credentials: the journal is as secret as the director's database. */
  readonly env: Record<string, unknown>;
  readonly metadata: Metadata;
  readonly createdAtMs: number;
}

export interface Disk {
  readonly cid: DiskCid;
  /** By which the director would ask for it again. */
  readonly name?: string;
  readonly sizeMib: number;
  readonly cloudProperties: CloudProperties;
  readonly zone: string | null;
  readonly attachedTo: { readonly vmCid: VmCid; readonly hint: DiskHint } | null;
  readonly metadata: Metadata;
}

export interface Snapshot {
  readonly cid: SnapshotCid;
  /** By which the director would ask for it again. */
  readonly name?: string;
  readonly diskCid: DiskCid;
  readonly metadata: SnapshotMetadata;
}

export interface Network {
  readonly cid: NetworkCid;
  readonly range: string;
  readonly gateway: string;
}
