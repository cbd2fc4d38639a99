import { TaskCancelled } from '../tasks/task-errors.ts';
import type { TaskContext } from '../tasks/task-context.ts';

/** Somebody asked for the task's end, while this director has it: what was begun is brought to an end. */
export function isCancelled({ signal }: Pick<TaskContext, 'signal'>): boolean {
  return signal.aborted && signal.reason instanceof TaskCancelled;
}

/**
 * For what must be done although the task was cancelled: fetching what an errand said, deleting its machines. Where the
 * director stops, or has lost the task, nothing is: somebody else goes on with it.
 */
export function settling(task: TaskContext): TaskContext {
  if (!isCancelled(task)) return task;
  return { ...task, signal: new AbortController().signal, checkpoint: () => {} };
}
