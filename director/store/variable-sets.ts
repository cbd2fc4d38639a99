import type { TaskId } from '../../common/ids.ts';

/** A variable at one of its versions. */
export interface Pin {
  /** The full name: `/director/deployment/name`. */
  name: string;
  versionId: string;
  /** The deployment whose link brought it; empty: the deployment itself uses it. */
  provider: string;
}

/** What was left as it was by a deploy that has succeeded, and what with: all of it counts as made with the new set. */
export interface Unchanged {
  instances: readonly string[];
  /** By agent id. */
  vms: readonly string[];
  /** By key. */
  disks: readonly string[];
}

/**
 * Which version of each variable a deploy has used.
 *
 * INVARIANTS
 * - A set belongs to one task: a deploy that is run again goes on with its own.
 * - A pin is never changed: who reads a name twice gets the same version.
 * - A set goes only when no instance, VM or disk was made with it, and it is not the last of a deploy that succeeded.
 */
export interface VariableSets {
  /** That of the task, which is made when it is not there yet. */
  begin(deployment: string, taskId: TaskId, nowMs: number): Promise<number>;
  lastSuccessful(deployment: string): Promise<number | null>;
  /** The newest before that one. */
  previous(deployment: string, setId: number): Promise<number | null>;
  pins(setIds: readonly number[]): Promise<Map<number, Pin[]>>;
  /** A name that has a version keeps it. */
  pin(setId: number, pins: readonly Pin[]): Promise<void>;
  /** Its deploy has succeeded; sets that nothing uses any more go. */
  succeeded(deployment: string, setId: number, unchanged: Unchanged): Promise<void>;
  /** Of all sets of the deployment, each once. */
  ofDeployment(deployment: string): Promise<Array<Pick<Pin, 'name' | 'versionId'>>>;
  /** Deployments whose last success used a variable by itself, with its version, by name. */
  deployedWith(name: string): Promise<Array<{ deployment: string; versionId: string }>>;
}
