import type { Insertable, Selectable } from 'kysely';
import {
  type AgentId,
  type DeploymentName,
  type DiskCid,
  id,
  type InstanceId,
  taskId,
  type VmCid,
} from '../../../common/ids.ts';
import type {
  DiskState,
  Instance,
  InstanceState,
  IpAddress,
  OrphanedDisk,
  PersistentDisk,
  Vm,
  VmState,
} from '../instances.ts';
import type { DiskTable, InstanceTable, IpAddressTable, OrphanedDiskTable, VmTable } from '../schema.ts';
import { flag, fromJson, toJson, unflag } from './rows.ts';

// States come from columns that are written from their types only; hence the casts.

export type InstanceParts = Pick<Instance, 'vms' | 'disks' | 'ips'>;

export function toInstance(row: Selectable<InstanceTable>, parts: InstanceParts): Instance {
  return {
    id: id<InstanceId>(row.id),
    number: row.number,
    deployment: id<DeploymentName>(row.deployment),
    group: row.group_name,
    index: row.group_index,
    az: row.az,
    state: row.state as InstanceState,
    bootstrap: unflag(row.bootstrap),
    ignore: unflag(row.ignored),
    compilation: unflag(row.compilation),
    updateCompleted: unflag(row.update_completed),
    spec: row.spec === null ? null : fromJson(row.spec),
    ...setOf(row),
    ...parts,
  };
}

export function fromInstance(instance: Omit<Instance, 'number' | keyof InstanceParts>): Insertable<InstanceTable> {
  return {
    id: instance.id,
    deployment: instance.deployment,
    group_name: instance.group,
    group_index: instance.index,
    az: instance.az,
    state: instance.state,
    bootstrap: flag(instance.bootstrap),
    ignored: flag(instance.ignore),
    compilation: flag(instance.compilation),
    update_completed: flag(instance.updateCompleted),
    spec: instance.spec === null ? null : toJson(instance.spec),
    variable_set_id: instance.variableSet ?? null,
  };
}

export function toVm(row: Selectable<VmTable>): Vm {
  return {
    agentId: id<AgentId>(row.agent_id),
    cid: row.cid === null ? null : id<VmCid>(row.cid),
    instanceId: id<InstanceId>(row.instance_id),
    state: row.state as VmState,
    active: unflag(row.active),
    cpi: row.cpi,
    stemcell: fromJson(row.stemcell),
    cloudProperties: fromJson(row.cloud_properties),
    networks: fromJson(row.networks),
    env: fromJson(row.env),
    ...setOf(row),
    permanentCredentials: unflag(row.permanent_credentials),
    createdAtMs: row.created_at_ms,
    problem: row.problem,
  };
}

export function fromVm(vm: Omit<Vm, 'problem'>): Insertable<VmTable> {
  return {
    agent_id: vm.agentId,
    cid: vm.cid,
    instance_id: vm.instanceId,
    state: vm.state,
    active: flag(vm.active),
    cpi: vm.cpi,
    stemcell: toJson(vm.stemcell),
    cloud_properties: toJson(vm.cloudProperties),
    networks: toJson(vm.networks),
    env: toJson(vm.env),
    variable_set_id: vm.variableSet ?? null,
    permanent_credentials: flag(vm.permanentCredentials),
    created_at_ms: vm.createdAtMs,
  };
}

export function toDisk(row: Selectable<DiskTable>): PersistentDisk {
  return {
    key: row.key,
    cid: row.cid === null ? null : id<DiskCid>(row.cid),
    instanceId: id<InstanceId>(row.instance_id),
    state: row.state as DiskState,
    active: unflag(row.active),
    sizeMib: row.size_mib,
    cloudProperties: fromJson(row.cloud_properties),
    ...setOf(row),
    name: row.name,
    cpi: row.cpi,
  };
}

export function fromDisk(disk: PersistentDisk): Insertable<DiskTable> {
  return {
    key: disk.key,
    cid: disk.cid,
    instance_id: disk.instanceId,
    state: disk.state,
    active: flag(disk.active),
    size_mib: disk.sizeMib,
    cloud_properties: toJson(disk.cloudProperties),
    variable_set_id: disk.variableSet ?? null,
    name: disk.name,
    cpi: disk.cpi,
  };
}

export function toOrphanedDisk(row: Selectable<OrphanedDiskTable>): OrphanedDisk {
  return {
    cid: id<DiskCid>(row.cid),
    sizeMib: row.size_mib,
    az: row.az,
    deployment: row.deployment,
    instance: row.instance,
    cloudProperties: fromJson(row.cloud_properties),
    cpi: row.cpi,
    orphanedAtMs: row.orphaned_at_ms,
  };
}

export function toIpAddress(row: Selectable<IpAddressTable>): IpAddress {
  return {
    address: row.address,
    network: row.network,
    static: unflag(row.static),
    instanceId: id<InstanceId>(row.instance_id),
    taskId: row.task_id === null ? null : taskId(row.task_id),
  };
}

export function fromIpAddress(ip: IpAddress): Insertable<IpAddressTable> {
  return {
    address: ip.address,
    network: ip.network,
    static: flag(ip.static),
    instance_id: ip.instanceId,
    task_id: ip.taskId,
  };
}

function setOf({ variable_set_id: id }: { variable_set_id: number | null }): { variableSet?: number } {
  return id === null ? {} : { variableSet: id };
}

/** Only what is given, as columns. */
export function changedColumns<Columns>(columns: { [K in keyof Columns]: Columns[K] | undefined }): Partial<Columns> {
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined)) as Partial<Columns>;
}
