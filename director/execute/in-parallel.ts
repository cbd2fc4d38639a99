import { mapInTurns } from '../../common/in-turns.ts';

/**
 * Runs `work` on every item, at most `limit` at a time. After a failure nothing new begins; what runs is waited for,
 * and then the first failure is thrown: half a VM creation is worse than a whole one too many.
 */
export async function inParallel<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  let failure: { thrown: unknown } | undefined;
  const worker = async () => {
    while (failure === undefined) {
      const next = queue.next();
      if (next.done === true) return;
      try {
        await work(next.value);
      } catch (thrown) {
        failure ??= { thrown };
      }
    }
  };
  const workers = Array.from({ length: Math.max(1, limit) }, (_, n) => n);
  // Hundreds that begin at once keep everybody else waiting.
  await Promise.all(await mapInTurns(workers, worker));
  if (failure !== undefined) throw failure.thrown;
}
