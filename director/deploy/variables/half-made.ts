import { OperatorError } from '../../../common/errors.ts';
import { VariableValues, type Variables } from '../../plan/variable-values.ts';
import type { Instance } from '../../store/instances.ts';
import type { TaskContext } from '../../tasks/task-context.ts';
import { knowSets, type VariableDeps } from './deploy-variables.ts';
import { allFormerOf } from './late.ts';

/**
 * For whoever only deletes: what was never answered is asked for once more, with what it was asked for first. By force
 * a config server that does not answer is no reason to stop; such a VM or disk is told of and left then.
 */
export async function variablesOfHalfMade(
  deployment: string,
  instances: readonly Instance[],
  { deps, task, force }: { deps: VariableDeps; task: TaskContext; force: boolean },
): Promise<Variables> {
  const values = new VariableValues(`/${deps.settings.directorName}/${deployment}`);
  const halfMade = instances.map((instance) => ({
    ...instance,
    spec: null,
    vms: instance.vms.filter(({ cid }) => cid === null),
    disks: instance.disks.filter(({ cid }) => cid === null),
  }));
  try {
    await knowSets(halfMade.flatMap(allFormerOf), values, { server: deps.configServer, task });
  } catch (thrown) {
    if (!force || !(thrown instanceof OperatorError) || thrown.code !== 'config-server-failed') throw thrown;
  }
  task.conceal(values.texts());
  return { values, set: null };
}
