import { mapped } from '../../common/in-turns.ts';
import type { DeploymentPlanDocument, PlannedGroup, PlannedInstance, PlannedWave } from '../api/contract/plans.ts';
import { instanceLabel } from './actual.ts';
import { isChanging, type DeploymentPlan, type GroupPlan, type Wave } from './plan-deployment.ts';
import type { Change, InstancePlan, Step } from './step.ts';

interface Options {
  deployment: string;
  /** In a dry run: an instance that does not exist yet has an id that it will never get, which is not shown. */
  nothingRecorded: boolean;
}

/** A plan for clients, a part at a time. */
export function* documentingPlan(plan: DeploymentPlan, options: Options): Generator<void, DeploymentPlanDocument> {
  const one = (instance: InstancePlan, changes: readonly PlannedReason[] = reasonsOf(instance)): PlannedInstance => ({
    instance:
      options.nothingRecorded && instance.action === 'create' ? `${instance.group}/new` : instanceLabel(instance),
    index: instance.index,
    az: instance.az,
    ips: [...instance.addresses],
    action: instance.action,
    changes: [...changes],
    create_steps: instance.createSteps.map(describeStep),
    steps: instance.updateSteps.map(describeStep),
  });
  const batches: PlannedGroup[][] = [];
  for (const batch of plan.batches) {
    const groups: PlannedGroup[] = [];
    for (const group of batch) groups.push(yield* documentGroup(group, one));
    const changing = groups.filter((group) => group.deletions.length + group.waves.length + group.waiting.length > 0);
    if (changing.length > 0) batches.push(changing);
  }
  const waves = plan.batches.flat().flatMap((group) => group.waves);
  const missing = waves
    .flatMap(({ canaries, rest }) => [...canaries, ...rest])
    .filter(({ createSteps }) => createSteps.length > 0);
  return {
    deployment: options.deployment,
    deletions: yield* mapped(plan.obsoleteGroups, (each) => one(each, [groupGone])),
    missing: yield* mapped(missing, (each) => one(each)),
    batches,
  };
}

type PlannedReason = PlannedInstance['changes'][number];
type One = (instance: InstancePlan, changes?: readonly PlannedReason[]) => PlannedInstance;

const groupGone: PlannedReason = { kind: 'obsolete', reason: 'its instance group is gone' };
const noPlace: PlannedReason = { kind: 'obsolete', reason: 'the group has no place for it' };
const isNew: PlannedReason = { kind: 'new', reason: 'it does not exist yet' };

function reasonsOf({ action, changes }: InstancePlan): readonly PlannedReason[] {
  if (action === 'create') return [isNew];
  return changes.map(({ kind, reason }: Change) => ({ kind, reason }));
}

function* documentGroup(
  { group, deletions, deletionsMaxInFlight, instances, waves }: GroupPlan,
  one: One,
): Generator<void, PlannedGroup> {
  const documented: PlannedWave[] = [];
  for (const wave of waves) documented.push(yield* documentWave(wave, one));
  const waiting = instances.filter((instance) => !isChanging(instance) && instance.changes.length > 0);
  return {
    group,
    deletions: yield* mapped(deletions, (each) => one(each, [noPlace])),
    deletions_max_in_flight: Math.min(deletions.length, deletionsMaxInFlight),
    waves: documented,
    waiting: yield* mapped(waiting, (each) => one(each)),
  };
}

function* documentWave({ az, canaries, rest, maxInFlight }: Wave, one: One): Generator<void, PlannedWave> {
  return {
    az,
    max_in_flight: Math.min(Math.max(canaries.length, rest.length), maxInFlight),
    canaries: yield* mapped(canaries, (each) => one(each)),
    rest: yield* mapped(rest, (each) => one(each)),
  };
}

/** Of executing, too: what it tells of a step is what the plan told. */
export function describeStep(step: Step): string {
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

function describeDiskStep({ name, from, to, inPlace }: Extract<Step, { kind: 'change-disk' }>): string {
  const disk = name === '' ? 'disk' : `disk "${name}"`;
  if (to === null) return `give up ${disk}`;
  if (inPlace !== null) return `${inPlace} ${disk} to ${to.sizeMib} MiB`;
  return from === null ? `make ${disk} of ${to.sizeMib} MiB` : `replace ${disk} by one of ${to.sizeMib} MiB`;
}
