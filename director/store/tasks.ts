import type { DeploymentName, TaskId } from '../../common/ids.ts';
import type { Lease } from './lease.ts';

/** `queued -> processing -> done | error | cancelled`; `cancelling` while a worker is being told to stop. */
export type TaskState = 'queued' | 'processing' | 'cancelling' | 'cancelled' | 'done' | 'error' | 'timeout';

export const terminalStates: ReadonlySet<TaskState> = new Set(['done', 'error', 'cancelled', 'timeout']);

/** Workers take urgent tasks (ssh, vm listings) before normal ones, and keep one worker free for them. */
export type Lane = 'normal' | 'urgent';

export type OutputStream = 'event' | 'debug' | 'cpi' | 'result';

export interface NewTask {
  /** BOSH's name, such as `update_deployment`. */
  type: string;
  description: string;
  lane: Lane;
  /** What the task needs to run: JSON, without secrets. */
  args: unknown;
  user: string;
  deployment: DeploymentName | null;
  contextId: string;
  /** Who may see it besides admins. */
  teams: string[];
}

export interface Task extends NewTask {
  id: TaskId;
  state: TaskState;
  result: string | null;
  createdAtMs: number;
  startedAtMs: number | null;
  /** Null until the state is terminal. */
  finishedAtMs: number | null;
  checkpointAtMs: number | null;
  /** How often a worker began it; more than once after crashes. */
  attempts: number;
}

export interface TaskFilter {
  states?: readonly TaskState[];
  types?: readonly string[];
  deployment?: string;
  contextId?: string;
  /** Only tasks that carry one of these teams. */
  teams?: readonly string[];
  limit?: number;
}

export interface TaskCount {
  type: string;
  state: TaskState;
  count: number;
}

export interface Tasks {
  create(task: NewTask, nowMs: number): Promise<Task>;
  get(id: TaskId): Promise<Task | undefined>;
  /** Newest first. */
  list(filter: TaskFilter): Promise<Task[]>;
  counts(): Promise<TaskCount[]>;

  /**
   * The oldest task of these lanes that waits, or one whose worker let its lease run out; becomes `processing`
   * (stays `cancelling` where someone asked for that).
   */
  claim(claim: {
    owner: string;
    lanes: readonly Lane[];
    leaseMs: number;
    nowMs: number;
  }): Promise<{ task: Task; lease: Lease } | undefined>;
  /** Extends a lease and sets the checkpoint. `cancel`: still held, and someone asked for an end. */
  renew(lease: Lease, times: { leaseMs: number; nowMs: number }): Promise<'held' | 'cancel' | 'lost'>;
  /** Ends a task, once. @throws LeaseLost */
  finish(
    lease: Lease,
    end: { state: 'done' | 'error' | 'cancelled'; result: string | null; nowMs: number },
  ): Promise<void>;
  /** Puts a claimed task back to wait, for an orderly stop of its worker. */
  giveBack(lease: Lease): Promise<void>;
  /** Ends a waiting task, asks a running one to end. False: it is neither. */
  requestCancel(id: TaskId, nowMs: number): Promise<boolean>;
  /** Leases of workers that are known to be dead (a former run of this process) end now. */
  expireLeasesOf(owner: { notOwner: string }, nowMs: number): Promise<number>;

  appendOutput(id: TaskId, stream: OutputStream, bytes: Buffer): Promise<void>;
  /** `size` is the length of the whole stream; `bytes` begins at `from` and is cut at `bytesMax`. Undefined: nothing was ever written. */
  output(
    id: TaskId,
    stream: OutputStream,
    range: { from: number; bytesMax: number },
  ): Promise<{ bytes: Buffer; size: number } | undefined>;

  /**
   * Keeps the newest `keep` terminal tasks of each type; deletes the others with their output, in portions, between
   * which others get at the database and an abort ends it. Returns how many.
   */
  prune(keep: number, signal?: AbortSignal): Promise<number>;
}
