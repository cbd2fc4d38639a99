import type { TaskId } from '../../common/ids.ts';

/** The right of one worker to run one task, until `untilMs`. A later claim of the task has a higher fence. */
export interface Lease {
  readonly taskId: TaskId;
  readonly owner: string;
  readonly fence: number;
}
