import { releaseLock, stemcellLock } from '../artifacts/locks.ts';
import type { TaskContext } from '../tasks/task-context.ts';
import { isStillSo, resolve, type DeploymentTexts, type ResolveDeps, type Resolved } from './resolve.ts';

/** An upload may hold a release for as long as it takes. As BOSH. */
const lockWaitMs = 30 * 60_000;

type Used = Pick<Resolved, 'releases' | 'stemcells'>;

/**
 * Resolves, and has it on record that the deployment uses these releases and stemcells, so that nobody deletes them.
 *
 * INVARIANTS
 * - What is not on record yet is looked up again and recorded under the locks of whoever deletes: else it may go between
 *   the two. Where it has changed meanwhile, all is resolved anew; each round is somebody's upload or deletion.
 * - Nothing else is done under these locks: to resolve can take minutes of a CPI, and uploads wait for ten seconds.
 */
export async function resolveOnRecord(
  texts: DeploymentTexts,
  recorded: Used,
  { deps, task, name }: { deps: ResolveDeps; task: TaskContext; name: string },
): Promise<Resolved> {
  for (;;) {
    const resolved = await resolve(texts, deps);
    const locks = locksOf(resolved, recorded);
    if (locks.length === 0) return resolved; // most of the time
    const isOnRecord = await withLocks(locks, task, async () => {
      if (!(await isStillSo(resolved, task.store))) return false;
      await task.store.deployments.uses(name, resolved);
      return true;
    });
    if (isOnRecord) return resolved;
  }
}

/** In the same order for everybody: nobody waits in a circle. */
function locksOf({ releases, stemcells }: Used, recorded: Used): string[] {
  const locks = [
    ...releases.filter((each) => !includes(recorded.releases, each)).map(({ name }) => releaseLock(name)),
    ...stemcells
      .filter((each) => !includes(recorded.stemcells, each))
      .map(({ name, version }) => stemcellLock(name, version)),
  ];
  return [...new Set(locks)].sort();
}

function includes(list: Used['releases'], { name, version }: Used['releases'][number]): boolean {
  return list.some((each) => each.name === name && each.version === version);
}

function withLocks<T>([first, ...rest]: readonly string[], task: TaskContext, work: () => Promise<T>): Promise<T> {
  if (first === undefined) return work();
  return task.withLock(first, lockWaitMs, () => withLocks(rest, task, work));
}
