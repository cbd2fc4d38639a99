import type { AgentId } from '../../common/ids.ts';
import type { Outlook } from '../health/health.ts';
import type { ResurrectionVerdict } from '../health/resurrector.ts';
import type { Instance } from '../store/instances.ts';
import type { TaskState } from '../store/tasks.ts';

/** All that an explanation is made of. */
export interface InstanceFacts {
  nowMs: number;
  instance: Instance;
  /** Errands and detached instances may be without a VM. */
  expectsVm: boolean;
  /** The task that is at work on its deployment. */
  atWork: { id: number; description: string } | null;
  /** The last task that was to change the deployment, and did not succeed. */
  broke: { id: number; description: string; state: TaskState; result: string | null } | null;
  /** What the last cloud check found of it, in BOSH's words. */
  problems: readonly string[];
  /** Its agent's last; null: none since the director began. */
  heartbeat: { atMs: number; jobState: string } | null;
  /** Null: this director watches nobody. */
  watch: Watch | null;
}

/** What the health monitor would do. */
export interface Watch extends Omit<Outlook, 'resurrection'> {
  /** `stateful`: it has a disk, and the director's config leaves those alone. */
  resurrection: ResurrectionVerdict | { kind: 'stateful' };
}

/** What is known of instances besides what the store has. */
export interface InstanceWatch {
  /** Null: its agent sent none since the director began. */
  heartbeat(agentId: AgentId): InstanceFacts['heartbeat'];
  /** Null: this director watches nobody. */
  of(instance: Instance): Promise<Watch | null>;
}
