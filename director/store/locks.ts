import type { TaskId } from '../../common/ids.ts';
import type { Lease } from './lease.ts';

/** `lock:deployment:<name>`, `lock:release:<name>`, `lock:stemcells:<name>:<version>`, `lock:compile:<package id>:<os>/<version>`. */
export interface Lock {
  name: string;
  taskId: TaskId;
  untilMs: number;
}

/**
 * Held by a task, not by a worker: the worker that takes a dead one's task over holds its locks at once.
 * A lock whose time ran out, or whose task has ended, is free.
 */
export interface Locks {
  acquire(name: string, lease: Lease, times: { lockMs: number; nowMs: number }): Promise<boolean>;
  /** Extends every lock of the task. */
  renewAll(lease: Lease, times: { lockMs: number; nowMs: number }): Promise<void>;
  release(name: string, lease: Lease): Promise<void>;
  list(nowMs: number): Promise<Lock[]>;
}
