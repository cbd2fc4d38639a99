/**
 * Ids that must not be mixed up. A bare `string` id does not cross a function boundary: what comes off a wire,
 * out of a row or out of a manifest is branded once, at that edge, with `id<VmCid>(text)`.
 */
declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** What a CPI calls a VM, a disk, a stemcell, a snapshot, a network. Opaque to everyone else. */
export type VmCid = Brand<string, 'VmCid'>;
export type DiskCid = Brand<string, 'DiskCid'>;
export type StemcellCid = Brand<string, 'StemcellCid'>;
export type SnapshotCid = Brand<string, 'SnapshotCid'>;
export type NetworkCid = Brand<string, 'NetworkCid'>;

/** The id of one agent, and by it of one VM: chosen by the director before the VM exists. A UUID. */
export type AgentId = Brand<string, 'AgentId'>;
/** The UUID of one instance; it outlives its VMs. */
export type InstanceId = Brand<string, 'InstanceId'>;
/** Where a blobstore keeps an object. A UUID in ours. */
export type BlobId = Brand<string, 'BlobId'>;
export type DeploymentName = Brand<string, 'DeploymentName'>;
/** Tasks are numbered from 1, without gaps that mean anything. */
export type TaskId = Brand<number, 'TaskId'>;

type TextId = VmCid | DiskCid | StemcellCid | SnapshotCid | NetworkCid | AgentId | InstanceId | BlobId | DeploymentName;

/** Brands a text at the edge where it enters. */
export function id<T extends TextId>(text: string): T {
  return text as T; // the one place where a brand is given
}

export function taskId(n: number): TaskId {
  return n as TaskId; // as above
}
