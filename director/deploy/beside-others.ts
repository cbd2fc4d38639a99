import type { Clock } from '../../common/clock.ts';
import type { TaskContext } from '../tasks/task-context.ts';

/**
 * Runs what only reads while others may hold the lock: whoever asks for a plan wants it before an hour's deploy is over.
 * They are told whose changes it may have seen the half of. BOSH waits for the lock, and gives up after 10 s.
 */
export async function besideOthers<T>(
  lock: string,
  { task, clock }: { task: TaskContext; clock: Clock },
  work: () => Promise<T>,
): Promise<T> {
  const told = await tellOfHolder(lock, { task, clock });
  const result = await work();
  if (!told) await tellOfHolder(lock, { task, clock }); // it may have begun meanwhile
  return result;
}

async function tellOfHolder(lock: string, { task, clock }: { task: TaskContext; clock: Clock }): Promise<boolean> {
  const { store, events } = task;
  const holder = (await store.locks.list(clock.now())).find(({ name }) => name === lock);
  if (holder === undefined) return false;
  const { taskId } = holder;
  const holding = await store.tasks.get(taskId);
  const what = holding === undefined ? '' : ` (${holding.description})`;
  events.warning(
    `Task ${taskId}${what} is at work on this deployment: this is planned from what is there at the moment. ` +
      `When it has ended (\`bosh task ${taskId}\`), plan again.`,
  );
  return true;
}
