import type { AgentId, DeploymentName, DiskCid, InstanceId, StemcellCid, TaskId, VmCid } from '../../common/ids.ts';

/** What the operator wants an instance to be. `detached`: stopped, without a VM. */
export type InstanceState = 'started' | 'stopped' | 'detached';

export interface Instance {
  id: InstanceId;
  /** The row's number: `num_id` in DNS. */
  number: number;
  deployment: DeploymentName;
  group: string;
  index: number;
  az: string | null;
  state: InstanceState;
  bootstrap: boolean;
  ignore: boolean;
  /** A machine that compiles packages: no instance of the manifest. */
  compilation: boolean;
  /** False from before the first change of an update until it has succeeded. */
  updateCompleted: boolean;
  /** What was last applied, in the agent's form (placeholders unresolved); null: nothing yet. */
  spec: Record<string, unknown> | null;
  /** The variables that `spec` was applied with, by their set; absent: it was applied without any. */
  variableSet?: number;
  vms: Vm[];
  disks: PersistentDisk[];
  ips: IpAddress[];
}

/**
 * creating  recorded, the CPI was or will be asked; `cid` is null until it answered
 * live      exists
 * deleting  nobody wants it; the CPI was or will be asked to delete it
 */
export type VmState = 'creating' | 'live' | 'deleting';

export interface Vm {
  agentId: AgentId;
  cid: VmCid | null;
  instanceId: InstanceId;
  state: VmState;
  /** The one that serves; others are on their way in or out. */
  active: boolean;
  cpi: string;
  stemcell: { name: string; version: string; cid: StemcellCid; apiVersion: number | null };
  cloudProperties: Record<string, unknown>;
  /** As the CPI was given them. */
  networks: Record<string, unknown>;
  /** The group's `env` as the manifest has it, placeholders unresolved. */
  env: Record<string, unknown>;
  /** What the placeholders in these stand for; absent: there are none. */
  variableSet?: number;
  /** True once it has bus credentials that outlive its bootstrap. */
  permanentCredentials: boolean;
  createdAtMs: number;
  /** The last thing that went wrong with it, for the operator. */
  problem: string | null;
}

/**
 * creating  recorded, the CPI was or will be asked; `cid` is null until it answered
 * updating  as above, for a change of the disk that serves: there is no second disk unless the CPI cannot do it
 * live      exists
 * orphaned  has served, and is being taken off
 */
export type DiskState = 'creating' | 'updating' | 'live' | 'orphaned';

export interface PersistentDisk {
  /** Ours, chosen before the CPI was asked. A UUID. */
  key: string;
  cid: DiskCid | null;
  instanceId: InstanceId;
  state: DiskState;
  /** The one that is mounted; a new one under migration is not yet. */
  active: boolean;
  sizeMib: number;
  cloudProperties: Record<string, unknown>;
  /** What the placeholders in them stand for; absent: there are none. */
  variableSet?: number;
  /** Of a disk in `persistent_disks`; empty: the one disk. */
  name: string;
  cpi: string;
}

export interface OrphanedDisk {
  cid: DiskCid;
  sizeMib: number;
  az: string | null;
  deployment: string;
  /** `<group>/<uuid>`. */
  instance: string;
  cloudProperties: Record<string, unknown>;
  cpi: string;
  orphanedAtMs: number;
}

/** A VM that was given up: it may live on, and have its addresses. */
export interface OrphanedVm {
  agentId: AgentId;
  /** Null: the infrastructure never said. */
  cid: VmCid | null;
  cpi: string;
  /** Of its stemcell, for calls about it. */
  apiVersion: number | null;
  az: string | null;
  deployment: string;
  /** `<group>/<uuid>`. */
  instance: string;
  addresses: string[];
  orphanedAtMs: number;
}

/** What an orphan was of. */
export interface OrphanedFrom {
  deployment: string;
  instance: string;
  az: string | null;
}

export interface IpAddress {
  /** In its canonical text form; unique in the whole director. */
  address: string;
  network: string;
  static: boolean;
  instanceId: InstanceId;
  taskId: TaskId | null;
}

/** What the health monitor needs of an instance: a small part of each of very many. */
export interface WatchedInstance {
  readonly id: InstanceId;
  readonly deployment: DeploymentName;
  readonly group: string;
  readonly index: number;
  /** Of the VM that serves, as `cid`; null: none does. */
  readonly agentId: AgentId | null;
  readonly cid: VmCid | null;
  /** Somebody should worry when it has none. */
  readonly expectsVm: boolean;
  /** Nobody touches it unasked. */
  readonly ignored: boolean;
}

export interface Instances {
  /** With VMs, disks and IPs; without compilation machines unless asked. By group, then index. */
  ofDeployment(deployment: string, options?: { compilation?: boolean }): Promise<Instance[]>;
  get(id: InstanceId): Promise<Instance | undefined>;
  /** Everything that the director knows of, for clean-up, health and invariants. */
  all(): Promise<Instance[]>;
  /** By id, compilation machines apart. */
  numbers(deployment: string): Promise<Map<string, number>>;
  /** All of them, machines that compile included, in one pass over the table. */
  watched(): Promise<WatchedInstance[]>;
  /** How many there are by deployment name, in one query. */
  countByDeployment(): Promise<Map<string, number>>;

  create(instances: ReadonlyArray<Omit<Instance, 'number' | 'vms' | 'disks' | 'ips'>>): Promise<void>;
  update(
    id: InstanceId,
    changes: Partial<
      Pick<
        Instance,
        'group' | 'index' | 'az' | 'state' | 'bootstrap' | 'ignore' | 'updateCompleted' | 'spec' | 'variableSet'
      >
    >,
  ): Promise<void>;
  /** @throws when a VM, disk or IP of it is left */
  delete(id: InstanceId): Promise<void>;

  /** Before the CPI is asked. */
  recordVm(vm: Omit<Vm, 'problem'>): Promise<void>;
  updateVm(
    agentId: AgentId,
    changes: Partial<Pick<Vm, 'cid' | 'state' | 'active' | 'cpi' | 'permanentCredentials' | 'problem' | 'networks'>>,
  ): Promise<void>;
  /** Once the infrastructure holds it no more. */
  forgetVm(agentId: AgentId): Promise<void>;
  vmByCid(cid: VmCid): Promise<Vm | undefined>;
  /**
   * Takes it from its instance, and with it the addresses that no other VM of the instance has.
   * @returns those
   */
  orphanVm(agentId: AgentId, from: OrphanedFrom, nowMs: number): Promise<string[]>;
  orphanedVms(): Promise<OrphanedVm[]>;
  /** Once it is known to be gone: its addresses are free then. */
  forgetOrphanedVm(agentId: AgentId): Promise<void>;

  recordDisk(disk: PersistentDisk): Promise<void>;
  updateDisk(
    key: string,
    changes: Partial<Pick<PersistentDisk, 'cid' | 'state' | 'active' | 'sizeMib' | 'cloudProperties'>> & {
      variableSet?: number | null;
    },
  ): Promise<void>;
  /** With what is known of its snapshots. */
  forgetDisk(key: string): Promise<void>;
  /** Takes it from its instance; its data stays until someone deletes it or its time is over. */
  orphanDisk(key: string, from: OrphanedFrom, nowMs: number): Promise<void>;
  orphanedDisks(): Promise<OrphanedDisk[]>;
  orphanedDisk(cid: DiskCid): Promise<OrphanedDisk | undefined>;
  /** Of an instance, whether it serves or not. */
  diskByCid(cid: DiskCid): Promise<PersistentDisk | undefined>;
  /**
   * Gives an instance the disk of this cid: the orphaned one, with what is known of it, or else one that nobody knew.
   * @throws when an instance has it
   */
  adoptDisk(unknown: PersistentDisk & { cid: DiskCid }): Promise<PersistentDisk>;
  forgetOrphanedDisk(cid: DiskCid): Promise<void>;

  /** Of those that the director chose, how many each network has given out. */
  countDynamicAddresses(): Promise<Map<string, number>>;
  /** Every address that an instance has, in the whole director. Orphaned VMs have more. */
  addresses(): Promise<IpAddress[]>;
  /** All or none. @throws AddressTaken naming who holds it */
  reserve(addresses: readonly IpAddress[]): Promise<void>;
  release(addresses: readonly string[]): Promise<void>;
}
