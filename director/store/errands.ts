import type { AgentId, InstanceId, TaskId } from '../../common/ids.ts';

/** What a task that runs an errand has begun on one instance, so that another life of the director goes on with it. */
export interface ErrandStart {
  taskId: TaskId;
  instanceId: InstanceId;
  agentId: AgentId;
  /** Null: an old agent, which was done at once. */
  agentTaskId: string | null;
  /** Null: its result is not in the task's output yet. */
  exitCode: number | null;
}

export interface Errands {
  /** Of what it ran on when it last ran, if it succeeded everywhere then. */
  successOf(deployment: string, errand: string): Promise<string | undefined>;
  /** @param stateHash null: it begins to run, and has not succeeded */
  setSuccess(deployment: string, errand: string, stateHash: string | null): Promise<void>;

  startsOf(task: TaskId): Promise<ErrandStart[]>;
  /** Replaces what is there of the same task and instance. */
  recordStart(start: ErrandStart): Promise<void>;
  /** Of tasks that have ended: nobody goes on with them. */
  forgetEnded(): Promise<void>;
}
