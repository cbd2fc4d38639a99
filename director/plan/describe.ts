import { atOnce, mapped } from '../../common/in-turns.ts';
import type { DeploymentPlan, GroupPlan, Wave } from './plan-deployment.ts';
import { isChanging } from './plan-deployment.ts';
import type { InstancePlan, Step } from './step.ts';

interface DescribeOptions {
  /** Nothing was recorded: an instance that does not exist yet has an id that it will never get, which is not shown. */
  readonly dryRun?: boolean;
}

/** One line for each instance that changes: `recreate web/3f2… (0) in z1 at 10.0.0.2: stemcell a/1 -> a/2`. */
export function describePlan(plan: DeploymentPlan, options: DescribeOptions = {}): string[] {
  return atOnce(describingPlan(plan, options));
}

/** `describePlan`, a part at a time. */
export function* describingPlan(plan: DeploymentPlan, options: DescribeOptions = {}): Generator<void, string[]> {
  const lines = plan.obsoleteGroups.map((instance) => describeDeletion(instance, 'its instance group is gone'));
  for (const group of plan.batches.flat()) {
    lines.push(...group.deletions.map((instance) => describeDeletion(instance, 'the group has no place for it')));
    const canaries = new Set(group.waves.flatMap((wave) => wave.canaries.map(({ id }) => id)));
    yield* mapped(group.instances.filter(isChanging), (instance) => {
      lines.push(describeChange(instance, { ...options, canary: canaries.has(instance.id) }));
    });
  }
  return lines;
}

/** The same with its order: what goes first, which groups run together, and each wave with its limit. */
export function outlinePlan(
  plan: DeploymentPlan,
  { steps = false, ...options }: DescribeOptions & { steps?: boolean } = {},
): string[] {
  const detail = (instance: InstancePlan) => (steps ? [`      ${describeSteps(instance)}`] : []);
  const deletions = (instances: readonly InstancePlan[], why: string) =>
    instances.flatMap((instance) => [`    ${describeDeletion(instance, why)}`, ...detail(instance)]);
  const lines: string[] = [];
  if (plan.obsoleteGroups.length > 0) {
    lines.push('first, groups that are gone', ...deletions(plan.obsoleteGroups, 'its instance group is gone'));
  }
  const missing = plan.batches
    .flat()
    .flatMap(({ waves }) => waves.flatMap(({ canaries, rest }) => [...canaries, ...rest]))
    .filter(({ createSteps }) => createSteps.length > 0);
  if (missing.length > 0)
    lines.push(
      `${lines.length > 0 ? 'then, together,' : 'together,'} the missing VMs: ${missing.map((instance) => missingLabel(instance, options)).join(', ')}`,
    );
  for (const batch of plan.batches) {
    const groups = batch.filter((group) => group.deletions.length + group.waves.length + waiting(group).length > 0);
    if (groups.length > 1) lines.push(`groups ${groups.map(({ group }) => group).join(' and ')} at the same time`);
    for (const group of groups) {
      lines.push(`group ${group.group}`);
      if (group.deletions.length > 0) lines.push(`  ${atATime(group.deletions.length, group)}`);
      lines.push(...deletions(group.deletions, 'the group has no place for it'));
      for (const wave of group.waves) {
        lines.push(`  ${describeWave(wave)}`);
        for (const instance of wave.canaries)
          lines.push(`    ${describeChange(instance, { ...options, canary: true })}`, ...detail(instance));
        for (const instance of wave.rest) lines.push(`    ${describeChange(instance, options)}`, ...detail(instance));
      }
      for (const instance of waiting(group)) lines.push(`  until it is started, ${describeChange(instance, options)}`);
    }
  }
  return lines;
}

/** Stopped instances, for which something changed that is done when they start. */
function waiting({ instances }: GroupPlan): InstancePlan[] {
  return instances.filter((instance) => !isChanging(instance) && instance.changes.length > 0);
}

function atATime(count: number, { deletionsMaxInFlight }: GroupPlan): string {
  return `deletions first, ${Math.min(count, deletionsMaxInFlight)} at a time`;
}

function describeWave({ az, canaries, rest, maxInFlight }: Wave): string {
  const where = az === null ? 'wave' : `wave in ${az}`;
  const first =
    canaries.length === 0 ? '' : `, ${canaries.length === 1 ? 'a canary' : `${canaries.length} canaries`} first`;
  const most = Math.max(canaries.length, rest.length);
  return `${where}${first}, ${Math.min(most, maxInFlight)} at a time`;
}

function describeChange(
  instance: InstancePlan,
  { canary = false, ...options }: DescribeOptions & { canary?: boolean },
): string {
  const reasons = instance.changes.map(({ reason }) => reason);
  const because = instance.action === 'create' ? 'it does not exist yet' : reasons.join('; ');
  return `${describeInstance(instance, options)}${canary ? ' (canary)' : ''}${because === '' ? '' : `: ${because}`}`;
}

function describeDeletion(instance: InstancePlan, why: string): string {
  return `${describeInstance(instance)}: ${why}`;
}

function describeInstance(instance: InstancePlan, options: DescribeOptions = {}): string {
  const { action, index, az, addresses } = instance;
  const at = addresses.filter((address) => address !== null);
  const where = az === null ? '' : ` in ${az}`;
  return `${action} ${labelOf(instance, options)} (${index})${where}${at.length === 0 ? '' : ` at ${at.join(', ')}`}`;
}

function labelOf({ group, id, action }: InstancePlan, { dryRun = false }: DescribeOptions): string {
  return `${group}/${dryRun && action === 'create' ? 'new' : id}`;
}

/** With its index where the label alone would not tell which one. */
function missingLabel(instance: InstancePlan, options: DescribeOptions): string {
  const label = labelOf(instance, options);
  return label === labelOf(instance, {}) ? label : `${label} (${instance.index})`;
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
      return `stop (drain: ${step.drain}, then ${step.next})`;
    case 'release-addresses':
      return `release ${step.addresses.join(', ')}`;
    case 'finish':
      return `finish (${step.state})`;
    case 'change-disk':
      return describeDiskStep(step);
    default:
      return step.kind;
  }
}

function describeDiskStep({ name, from, to }: Extract<Step, { kind: 'change-disk' }>): string {
  const disk = name === '' ? 'disk' : `disk "${name}"`;
  if (to === null) return `give up ${disk}`;
  return from === null ? `make ${disk} of ${to.sizeMib} MiB` : `replace ${disk} by one of ${to.sizeMib} MiB`;
}
