import type { AgentId, InstanceId, VmCid } from '../../common/ids.ts';
import type { WatchMs } from '../../manifests/update-policy.ts';
import type { InstanceState } from '../store/instances.ts';
import type { WantedDisk } from './wanted.ts';

/**
 * What is done to one instance, in order. Each kind has one effect (execute/effects.ts), which may run twice: a plan
 * whose director died is thrown away, and the next one begins from what is there.
 */
export type Step =
  /** Removes a VM that was replaced, never finished, or is no longer wanted. Its disks stay. */
  | { kind: 'delete-vm'; agentId: AgentId; vmCid: VmCid | null }
  /** Asks the CPI for a VM of the wanted shape. */
  | { kind: 'create-vm' }
  /** Waits until the new VM's agent answers; from then on it is the instance's VM. */
  | { kind: 'await-vm' }
  /** Attaches and mounts the disks that the instance has. */
  | { kind: 'attach-disks' }
  | { kind: 'detach-disks' }
  /**
   * Makes, replaces (with its data) or gives up a disk. `from` is the present one's key. `inPlace`: the infrastructure is
   * asked to change that one; where it cannot, its data is copied all the same.
   */
  | {
      kind: 'change-disk';
      name: string;
      from: string | null;
      to: WantedDisk | null;
      inPlace: 'resize' | 'update' | null;
    }
  /** Gives the agent its lasting bus credentials and what else belongs to the machine. */
  | { kind: 'update-settings' }
  /** Tells a new machine who it is, before it has jobs, and gives it its names in DNS. */
  | { kind: 'introduce' }
  /** Gives a machine that stays its names in DNS. */
  | { kind: 'record-names' }
  /** Lets the agent fetch packages and templates while the jobs still run. */
  | { kind: 'prepare' }
  /** Of its disks, with nothing writing to them. */
  | { kind: 'snapshot' }
  | { kind: 'stop'; drain: 'update' | 'shutdown' | 'skip'; next: StopIntent }
  | { kind: 'apply' }
  /** `unwatched`: it is not waited for, and so no post-start scripts run. */
  | { kind: 'start'; watch: WatchMs; canaryWatch: WatchMs; unwatched?: boolean }
  /** Addresses that no VM of the instance uses any more. */
  | { kind: 'release-addresses'; addresses: readonly string[] }
  | { kind: 'set-metadata' }
  /** The instance is as it shall be. */
  | { kind: 'finish'; state: InstanceState }
  /** Orphans the disks, frees the addresses, forgets the instance. */
  | { kind: 'delete-instance' };

/** What becomes of the VM, for pre-stop scripts. */
export type StopIntent = 'keep-vm' | 'delete-vm' | 'delete-instance' | 'delete-deployment';

export type StepKind = Step['kind'];

/** BOSH's names of changes, in the order in which it looks at them. */
export type ChangeKind =
  | 'dirty'
  | 'restart'
  | 'recreate'
  | 'recreate_persistent_disks'
  | 'cloud_properties'
  | 'stemcell'
  | 'env'
  | 'network'
  | 'packages'
  | 'persistent_disk'
  | 'configuration'
  | 'job'
  | 'state'
  | 'dns'
  | 'tags';

export interface Change {
  kind: ChangeKind;
  /** For people: `stemcell ubuntu 1.2 -> 1.3`. */
  reason: string;
}

export type Action = 'create' | 'recreate' | 'update' | 'start' | 'stop' | 'restart' | 'delete' | 'keep';

export interface InstancePlan {
  id: InstanceId;
  group: string;
  index: number;
  az: string | null;
  /** What it has, or gets, in the order of the group's networks; null: the infrastructure chooses. */
  addresses: ReadonlyArray<string | null>;
  action: Action;
  changes: readonly Change[];
  /** Run in `Creating missing vms`, all instances together. */
  createSteps: readonly Step[];
  /** Run in the instance's wave. */
  updateSteps: readonly Step[];
}
