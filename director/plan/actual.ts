import type { AgentState } from '../../agent/protocol.ts';
import type { Instance, Vm } from '../store/instances.ts';
import type { TakenAddress } from './addresses.ts';

/** What is, read by observe/ in one go: the store's rows, what agents say, every address in use. */
export interface ActualDeployment {
  /** Without compilation machines. */
  instances: readonly ActualInstance[];
  /** Of the whole director: addresses are unique in it. */
  addresses: readonly TakenAddress[];
}

export interface ActualInstance {
  instance: Instance;
  /** Of its active VM. */
  agent: AgentReport;
}

export type AgentReport =
  /** No VM, or one that was never finished. */
  | { kind: 'none' }
  | { kind: 'answered'; state: AgentState; mountedDisks: readonly string[] | null }
  | { kind: 'silent'; reason: string };

/** The VM that serves the instance: finished, and not on its way out. */
export function activeVm(instance: Instance): Vm | null {
  return instance.vms.find((vm) => vm.active && vm.state === 'live') ?? null;
}

/** A VM that was being made when the director died: it may be finished instead of thrown away. */
export function unfinishedVm(instance: Instance): Vm | null {
  return instance.vms.find((vm) => vm.state === 'creating') ?? null;
}

/** VMs that nobody wants, whose deletion was begun or is due. */
export function unwantedVms(instance: Instance): Vm[] {
  return instance.vms.filter((vm) => vm.state === 'deleting');
}

export function instanceLabel(instance: { group: string; id: string }): string {
  return `${instance.group}/${instance.id}`;
}

/** As the event stream shows it. */
export function instanceTitle(instance: { group: string; id: string; index: number }): string {
  return `${instance.group}/${instance.id} (${instance.index})`;
}
