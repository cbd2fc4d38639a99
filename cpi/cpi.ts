import type { AgentId, DiskCid, NetworkCid, SnapshotCid, StemcellCid, VmCid } from '../common/ids.ts';

/**
 * What the director asks of one infrastructure: BOSH CPI v2 with its names, in TypeScript.
 * Implemented by each folder beside this file and by cpi/executable.ts, which speaks to any BOSH CPI program;
 * every one passes test/contract/cpi.contract.ts.
 *
 * Any call may be repeated after a crash of the director. The caller names what it makes where the protocol lets
 * it: `createVm` with an `agentId` it was called with before returns the first VM.
 *
 * Errors are CpiError (cpi/errors.ts); its `type` is BOSH's. A VM, disk or network that isn't there is
 * `VMNotFound`, `DiskNotFound`, `NetworkNotFound`, unless a method says otherwise. CpiOutcomeUnknown is thrown when the
 * call may have had its effect. Once `signal` is aborted a call that has not begun does not, and one that has may go on.
 * Source: https://bosh.io/docs/cpi-api-v2/
 */
export interface Cpi {
  /** What this CPI can do. Cheap: the director asks before every task. */
  info(signal?: AbortSignal): Promise<CpiInfo>;

  /**
   * Imports a stemcell image. A light stemcell has an empty image and names an existing one in `cloudProperties`.
   * Repeated after a lost answer, it may import a second copy.
   * @param imagePath a file that stays there until the call returns
   */
  createStemcell(imagePath: string, cloudProperties: CloudProperties, signal?: AbortSignal): Promise<StemcellCid>;
  /** Absent stemcell: no error. */
  deleteStemcell(cid: StemcellCid, signal?: AbortSignal): Promise<void>;

  /**
   * Creates and powers on a VM; does not wait for its agent. On failure nothing is left behind.
   * Same `agentId`: returns the VM of the first call, whatever became of its answer.
   * @throws CpiError `Bosh::Clouds::VMCreationFailed` (ok_to_retry tells whether another try may help)
   */
  createVm(spec: VmSpec, signal?: AbortSignal): Promise<{ vmCid: VmCid }>;
  /** Powers off and removes a VM. Persistent disks are detached first, never deleted. Absent VM: no error. */
  deleteVm(vmCid: VmCid, signal?: AbortSignal): Promise<void>;
  hasVm(vmCid: VmCid, signal?: AbortSignal): Promise<boolean>;
  rebootVm(vmCid: VmCid, signal?: AbortSignal): Promise<void>;
  setVmMetadata(vmCid: VmCid, metadata: Metadata, signal?: AbortSignal): Promise<void>;
  /** Cloud properties for a VM of at least this size. */
  calculateVmCloudProperties(resources: VmResources, signal?: AbortSignal): Promise<CloudProperties>;

  /**
   * @param nearVm the VM that the disk will be attached to, as a hint for its placement
   * @param name ours, chosen before. The wire has no place for it, so the CPI keeps it: with the name of an earlier call
   *   it returns the disk of that call, whatever became of its answer
   */
  createDisk(
    sizeMib: number,
    cloudProperties: CloudProperties,
    nearVm: VmCid | null,
    name?: string,
    signal?: AbortSignal,
  ): Promise<DiskCid>;
  /** Absent disk: `Bosh::Clouds::DiskNotFound`, which a caller that deletes may ignore. */
  deleteDisk(diskCid: DiskCid, signal?: AbortSignal): Promise<void>;
  hasDisk(diskCid: DiskCid, signal?: AbortSignal): Promise<boolean>;
  /** Attached to this VM already: the same hint again. @returns how the agent finds the disk; never empty */
  attachDisk(vmCid: VmCid, diskCid: DiskCid, signal?: AbortSignal): Promise<DiskHint>;
  /** Not attached, to this VM or at all: no error. */
  detachDisk(vmCid: VmCid, diskCid: DiskCid, signal?: AbortSignal): Promise<void>;
  /** Grows a detached disk. @throws CpiError `Bosh::Clouds::NotSupported` where the disk must be copied instead */
  resizeDisk(diskCid: DiskCid, sizeMib: number, signal?: AbortSignal): Promise<void>;
  /**
   * Changes a detached disk in place. @returns its cid, a new one where the change made it another disk
   * @param name of this change, as of `createDisk`
   */
  updateDisk(
    diskCid: DiskCid,
    sizeMib: number,
    cloudProperties: CloudProperties,
    name?: string,
    signal?: AbortSignal,
  ): Promise<DiskCid>;
  setDiskMetadata(diskCid: DiskCid, metadata: Metadata, signal?: AbortSignal): Promise<void>;
  getDisks(vmCid: VmCid, signal?: AbortSignal): Promise<DiskCid[]>;
  /** @param name as of `createDisk` */
  snapshotDisk(diskCid: DiskCid, metadata: SnapshotMetadata, name?: string, signal?: AbortSignal): Promise<SnapshotCid>;
  /** Absent snapshot: no error. */
  deleteSnapshot(cid: SnapshotCid, signal?: AbortSignal): Promise<void>;

  createNetwork(spec: ManagedNetworkSpec, signal?: AbortSignal): Promise<ManagedNetwork>;
  /** Absent network: `Bosh::Clouds::NetworkNotFound`, which a caller that deletes may ignore. */
  deleteNetwork(cid: NetworkCid, signal?: AbortSignal): Promise<void>;
}

/** What a CPI is asked within: one task, and one VM's stemcell. */
export interface CpiScope {
  /** Takes the calls, their answers and what the CPI says of its work, in whole lines: the task's cpi output. */
  onOutput?: (text: string) => void;
  /** Asked when a call begins, however long it has waited for its turn: with what this throws it is not made. */
  beforeCall?: () => Promise<void>;
  /** Of the stemcell that the VM or disk is made with; its agent knows then how it gets its settings. */
  stemcellApiVersion?: number;
}

/** Opaque to the director; each CPI defines its own. */
export type CloudProperties = Record<string, unknown>;
export type Metadata = Record<string, string>;
/** An index is a number on BOSH's wire. */
export type SnapshotMetadata = Record<string, string | number | null>;
/** A path or a structure, passed to the agent as it is. */
export type DiskHint = string | Record<string, unknown>;

export interface CpiInfo {
  /** Such as `vsphere-ova`; a stemcell fits when one of its formats is listed. */
  stemcellFormats: string[];
  /** 2 or more. */
  apiVersion: number;
}

export interface VmResources {
  cpu: number;
  ramMib: number;
  ephemeralDiskMib: number;
}

export interface VmSpec {
  agentId: AgentId;
  stemcellCid: StemcellCid;
  cloudProperties: CloudProperties;
  /** By the manifest's network name. */
  networks: Record<string, NetworkSettings>;
  /** Persistent disks that will be attached, as a hint for placement. */
  diskCids: DiskCid[];
  /** Becomes part of the agent's settings; holds its bus credentials. */
  env: Record<string, unknown>;
}

/** One network of a VM, as the CPI and the agent get it: BOSH's keys on BOSH's wire. */
export interface NetworkSettings {
  type: 'manual' | 'dynamic' | 'vip';
  ip?: string;
  netmask?: string;
  prefix?: string;
  gateway?: string;
  dns?: string[];
  /** What this network is the default for: `dns`, `gateway`. Sorted. */
  default?: string[];
  cloud_properties?: CloudProperties;
  [key: string]: unknown;
}

export interface ManagedNetworkSpec {
  type: 'manual';
  range?: string;
  gateway?: string;
  netmaskBits?: number;
  cloudProperties: CloudProperties;
}

export interface ManagedNetwork {
  cid: NetworkCid;
  range: string;
  gateway: string;
  reserved: string[];
  cloudProperties: CloudProperties;
}
