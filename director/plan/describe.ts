import type { DeploymentPlan } from './plan-deployment.ts';
import { isChanging } from './plan-deployment.ts';
import type { InstancePlan, Step } from './step.ts';

/** One line for each instance that changes: `web/3f2… (0) in z1: recreate, because stemcell a/1 -> a/2`. */
export function describePlan(plan: DeploymentPlan): string[] {
  const lines = plan.obsoleteGroups.map((instance) => `${describeInstance(instance)}: its instance group is gone`);
  for (const batch of plan.batches) {
    for (const group of batch) {
      lines.push(...group.deletions.map((instance) => `${describeInstance(instance)}: the group has no place for it`));
      const canaries = new Set(group.waves.flatMap((wave) => wave.canaries.map(({ id }) => id)));
      for (const instance of group.instances) {
        if (!isChanging(instance)) continue;
        const reasons = instance.changes.map(({ reason }) => reason);
        const because =
          instance.action === 'create'
            ? ': it does not exist yet'
            : reasons.length === 0
              ? ''
              : `: ${reasons.join('; ')}`;
        lines.push(`${describeInstance(instance)}${canaries.has(instance.id) ? ' (canary)' : ''}${because}`);
      }
    }
  }
  return lines;
}

function describeInstance({ action, group, id, index, az }: InstancePlan): string {
  return `${action} ${group}/${id} (${index})${az === null ? '' : ` in ${az}`}`;
}

/** The steps of one instance, for the task's debug output. */
export function describeSteps({ createSteps, updateSteps }: InstancePlan): string {
  return [...createSteps, ...updateSteps].map(describeStep).join(', ');
}

function describeStep(step: Step): string {
  switch (step.kind) {
    case 'delete-vm':
      return `delete-vm ${step.vmCid ?? `of agent ${step.agentId}`}`;
    case 'stop':
      return `stop (drain: ${step.drain})`;
    case 'change-disk':
      return step.to === null
        ? 'give up disk'
        : step.from === null
          ? `make disk of ${step.to.sizeMib} MiB`
          : `replace disk by one of ${step.to.sizeMib} MiB`;
    default:
      return step.kind;
  }
}
