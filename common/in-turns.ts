/** Items of plain computing that take some milliseconds together. A fixed number, so that runs in virtual time repeat. */
const turnItems = 100;

/** `items.map(work)`, for lists as long as a deployment: now and then others get the event loop. */
export function mapInTurns<T, R>(items: readonly T[], work: (item: T, at: number) => R): Promise<R[]> {
  return inTurns(mapped(items, work));
}

/** The same for computing that may not wait itself (the planner): it yields wherever others might have their turn. */
export function* mapped<T, R>(items: readonly T[], work: (item: T, at: number) => R): Generator<void, R[]> {
  const results: R[] = [];
  for (const [at, item] of items.entries()) {
    if (at > 0 && at % turnItems === 0) yield;
    results.push(work(item, at));
  }
  return results;
}

/** Others get the event loop at every `yield`. */
export async function inTurns<R>(computing: Generator<void, R>): Promise<R> {
  for (;;) {
    const step = computing.next();
    if (step.done === true) return step.value;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

export function atOnce<R>(computing: Generator<void, R>): R {
  for (;;) {
    const step = computing.next();
    if (step.done === true) return step.value;
  }
}
