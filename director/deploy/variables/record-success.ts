import { sameValue } from '../../plan/equal.ts';
import type { Instance } from '../../store/instances.ts';
import type { Store } from '../../store/store.ts';
import type { Unchanged } from '../../store/variable-sets.ts';
import type { DeployVariables, Former } from './deploy-variables.ts';
import { formerOf } from './late.ts';

/**
 * The set of a deploy that has succeeded is the deployment's. What was left as it is, and means the same with the new
 * set, counts as made with it, so that older sets can go. Ignored instances keep theirs.
 */
export async function recordSuccess(variables: DeployVariables, store: Store): Promise<void> {
  if (variables.kind !== 'new' || variables.set === null) return;
  const { deployment, set } = variables;
  const instances = (await store.instances.ofDeployment(deployment)).filter(({ ignore }) => !ignore);
  await store.variableSets.succeeded(deployment, set, unchangedOf(instances, variables));
}

function unchangedOf(instances: readonly Instance[], { values, set }: DeployVariables): Unchanged {
  const means = ({ value, set: madeWith }: Former) => {
    if (madeWith === set) return false; // it is there already
    const [was, is] = [values.tryFill(value, madeWith), values.tryFill(value, set)];
    return was !== undefined && is !== undefined && sameValue(was, is);
  };
  const parts = instances.map((instance) => ({ instance, ...formerOf(instance) }));
  return {
    instances: parts.flatMap(({ instance, spec }) => (spec !== null && means(spec) ? [instance.id] : [])),
    vms: parts.flatMap(({ vms }) => vms.filter(means).map(({ agentId }) => agentId)),
    disks: parts.flatMap(({ disks }) => disks.filter(means).map(({ key }) => key)),
  };
}
