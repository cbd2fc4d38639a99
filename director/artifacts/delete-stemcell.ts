import { messageOf, OperatorError } from '../../common/errors.ts';
import type { Cpis } from '../execute/cpis.ts';
import type { StemcellInUse } from '../store/stemcells.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import type { DeleteStemcellArgs } from './args.ts';
import type { ArtifactDeps } from './deps.ts';
import { stemcellNotFound } from './errors.ts';
import { stemcellLock } from './locks.ts';

/** As BOSH. */
const lockWaitMs = 10_000;

/** `bosh delete-stemcell`: from every CPI that has it. */
export function deleteStemcell(deps: ArtifactDeps): TaskHandler {
  return async (task) => {
    const { name, version, force } = task.task.args as DeleteStemcellArgs; // the API has checked it
    const deleted = await deleteStemcellEverywhere(deps.cpis, task, { name, version, force });
    if (deleted === 0 && task.task.attempts === 1) throw stemcellNotFound(name, version);
    return `/stemcells/${name}/${version}`;
  };
}

/** @returns from how many CPIs */
export async function deleteStemcellEverywhere(
  cpis: Cpis,
  task: TaskContext,
  { name, version, force }: DeleteStemcellArgs,
): Promise<number> {
  return task.withLock(stemcellLock(name, version), lockWaitMs, async () => {
    const all = await task.store.stemcells.list();
    const found = all.filter((each) => each.name === name && each.version === version);
    for (const stemcell of found) {
      refuseInUse(stemcell);
      await deleteFrom(cpis, task, stemcell, force);
      await task.store.stemcells.delete(stemcell.id);
    }
    return found.length;
  });
}

/** The infrastructure first: its image would be forgotten otherwise. A repeated call finds it gone, which is fine. */
async function deleteFrom(cpis: Cpis, task: TaskContext, { cid, cpi }: StemcellInUse, force: boolean): Promise<void> {
  try {
    await cpis.named(cpi, task).deleteStemcell(cid, task.signal);
  } catch (thrown) {
    task.checkpoint();
    if (!force) throw thrown;
    task.debug(`stemcell ${cid} is forgotten, though the infrastructure did not delete it: ${messageOf(thrown)}`);
  }
}

/** Force does not help here either, as in BOSH: machines could not be made again. */
function refuseInUse({ name, version, deployments }: StemcellInUse): void {
  if (deployments.length === 0) return;
  throw new OperatorError(`Stemcell '${name}/${version}' is still in use by: ${deployments.join(', ')}`, {
    code: 'stemcell-in-use',
    hint: 'Deploy them with another stemcell, or delete them, first.',
    details: { name, version, deployments },
  });
}
