import type { AgentId, DeploymentName } from '../../common/ids.ts';

/** BOSH's names. */
export type ProblemType =
  'missing_vm' | 'unresponsive_agent' | 'missing_disk' | 'inactive_disk' | 'mount_info_mismatch';

/** `closed`: a later scan looked anew. `resolved`: somebody chose what is done about it, and it was done. */
export type ProblemState = 'open' | 'closed' | 'resolved';

export interface Problem {
  id: number;
  deployment: DeploymentName;
  type: ProblemType;
  /** Of a VM the id of its instance, of a disk its key. */
  resource: string;
  /** Of the VM that had the problem, so that another one is not taken for it; null: there was none. */
  agentId: AgentId | null;
  /** For clients. */
  data: Record<string, unknown>;
  state: ProblemState;
  createdAtMs: number;
}

export type FoundProblem = Pick<Problem, 'type' | 'resource' | 'agentId' | 'data'>;

export interface Problems {
  /** By id. */
  open(deployment: string): Promise<Problem[]>;
  /** Of these ids, those that the deployment has; by id. */
  get(deployment: string, ids: readonly number[]): Promise<Problem[]>;
  /**
   * What a scan found takes the place of what was open: of the whole deployment, or of those `resources` that it looked
   * at. Of problems that are not open the latest are kept. @returns the new ones
   */
  replace(
    deployment: DeploymentName,
    found: readonly FoundProblem[],
    options: { resources?: readonly string[]; nowMs: number },
  ): Promise<Problem[]>;
  resolve(id: number): Promise<void>;
}
