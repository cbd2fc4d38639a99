import { atOnce, mapped } from '../../common/in-turns.ts';
import { canariesOf, maxInFlightOf, parseAmount, type UpdatePolicy } from '../../manifests/update-policy.ts';
import type { WantedState } from '../../manifests/instance-group.ts';
import type { ActualInstance } from './actual.ts';
import type { WantedInstance } from './changes.ts';
import type { Layout } from './layout.ts';
import { planDeletion, planInstance } from './plan-instance.ts';
import type { InstancePlan } from './step.ts';
import type { DeployOptions, WantedGroup } from './wanted.ts';

/** All that will be done, in order: complete before anything is touched, shown as it is, and thrown away after a crash. */
export interface DeploymentPlan {
  /** Of groups that are gone: deleted first. */
  obsoleteGroups: readonly InstancePlan[];
  /** Neighbouring groups that are updated together, or (a batch of one) by themselves. */
  batches: ReadonlyArray<readonly GroupPlan[]>;
}

export interface GroupPlan {
  group: string;
  /** Scaled away: deleted before the group's waves. */
  deletions: readonly InstancePlan[];
  /** As updates are: a cluster that shrinks by two keeps its quorum only if they leave one after the other. */
  deletionsMaxInFlight: number;
  /** In the order of their update. Those that stay as they are included. */
  instances: readonly InstancePlan[];
  waves: readonly Wave[];
}

/** The changing instances of one AZ. Canaries run first and must succeed; then the rest, `maxInFlight` at a time. */
export interface Wave {
  az: string | null;
  canaries: readonly InstancePlan[];
  rest: readonly InstancePlan[];
  maxInFlight: number;
}

export function planDeployment(
  layout: Layout,
  wanted: ReadonlyMap<string, WantedInstance>,
  options: DeployOptions,
  firstDeploy: boolean,
): DeploymentPlan {
  return atOnce(planningDeployment(layout, wanted, options, firstDeploy));
}

/** `planDeployment`, a part at a time. */
export function* planningDeployment(
  layout: Layout,
  wanted: ReadonlyMap<string, WantedInstance>,
  options: DeployOptions,
  firstDeploy: boolean,
): Generator<void, DeploymentPlan> {
  const shrunk = new Set(layout.groups.flatMap(({ obsolete }) => obsolete.map(({ instance }) => instance.id)));
  const groups: Array<{ plan: GroupPlan; serial: boolean }> = [];
  for (const { wanted: group, instances, obsolete } of layout.groups) {
    const errand = group.group.lifecycle === 'errand';
    const plans = yield* mapped(instances, ({ id, existing }) => {
      const one = wanted.get(id);
      if (one === undefined) throw new Error(`instance ${id} is laid out, and nothing is wanted of it`);
      const plan = planInstance(one, options);
      return errand && options.runsErrands !== true ? ofErrand(plan, existing) : plan;
    });
    yield;
    const ordered = inUpdateOrder(plans, instances.find(({ bootstrap }) => bootstrap)?.id ?? null);
    const own = obsolete.map((actual) => planDeletion(actual, options));
    const waves = wavesOf(group, ordered, options, firstDeploy);
    groups.push({
      plan: {
        group: group.group.name,
        deletions: own,
        deletionsMaxInFlight: maxInFlightOf(overridden(group.group.update, options), own.length),
        instances: ordered,
        waves,
      },
      serial: group.group.update.serial,
    });
  }
  return {
    obsoleteGroups: layout.obsolete
      .filter(({ instance }) => !shrunk.has(instance.id))
      .map((actual) => planDeletion(actual, options)),
    batches: batchesOf(groups),
  };
}

/** Consecutive groups with `serial: false` form one batch; each serial group is a batch by itself. */
function batchesOf(groups: ReadonlyArray<{ plan: GroupPlan; serial: boolean }>): GroupPlan[][] {
  const batches: GroupPlan[][] = [];
  let parallel = false;
  for (const { plan, serial } of groups) {
    const last = batches.at(-1);
    if (!serial && parallel && last !== undefined) last.push(plan);
    else batches.push([plan]);
    parallel = !serial;
  }
  return batches;
}

/** The bootstrap first, then its AZ, then those without AZ, then the other AZs by name; in an AZ by id. Source: instance_plan_sorter.rb */
function inUpdateOrder(plans: readonly InstancePlan[], bootstrap: string | null): InstancePlan[] {
  const first = plans.find(({ id }) => id === bootstrap);
  const rank = (plan: InstancePlan) => {
    if (plan === first) return 0;
    if (first !== undefined && plan.az === first.az) return 1;
    return plan.az === null ? 2 : 3;
  };
  const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return [...plans].sort((a, b) => rank(a) - rank(b) || order(a.az ?? '', b.az ?? '') || order(a.id, b.id));
}

export function isChanging(plan: InstancePlan): boolean {
  return plan.createSteps.length > 0 || plan.updateSteps.length > 0;
}

function wavesOf(
  { group }: WantedGroup,
  ordered: readonly InstancePlan[],
  options: DeployOptions,
  firstDeploy: boolean,
): Wave[] {
  const changing = ordered.filter(isChanging);
  const policy = overridden(group.update, options);
  const together = firstDeploy && policy.initialDeployAzUpdateStrategy === 'parallel';
  const slices = together ? [changing] : sliceByAz(changing);
  return slices
    .filter((slice) => slice.length > 0)
    .map((slice, i) => {
      const canaries = i === 0 ? Math.min(canariesOf(policy, slice.length), slice.length) : 0;
      return {
        az: together ? null : (slice[0]?.az ?? null),
        canaries: slice.slice(0, canaries),
        rest: slice.slice(canaries),
        maxInFlight: maxInFlightOf(policy, slice.length),
      };
    });
}

function sliceByAz(plans: readonly InstancePlan[]): InstancePlan[][] {
  const slices = new Map<string | null, InstancePlan[]>();
  for (const plan of plans) {
    const slice = slices.get(plan.az);
    if (slice === undefined) slices.set(plan.az, [plan]);
    else slice.push(plan);
  }
  return [...slices.values()];
}

function overridden(policy: UpdatePolicy, { canaries, maxInFlight }: DeployOptions): UpdatePolicy {
  return {
    ...policy,
    ...(canaries === null ? {} : { canaries: parseAmount(canaries) ?? policy.canaries }),
    ...(maxInFlight === null ? {} : { maxInFlight: parseAmount(maxInFlight) ?? policy.maxInFlight }),
  };
}

/** Errands get their machines when they run; those that have one already are kept up to date. */
function ofErrand(plan: InstancePlan, existing: ActualInstance | null): InstancePlan {
  const living = existing !== null && existing.instance.vms.length > 0 && plan.createSteps.length === 0;
  return living ? plan : { ...plan, action: 'keep', changes: [], createSteps: [], updateSteps: [] };
}

/** The state that was asked for: by the operator first, then by the manifest. Null: leave it. */
export function stateWish(
  group: WantedGroup['group'],
  instance: { id: string; index: number },
  options: DeployOptions,
): WantedState | null {
  const asked = options.states.find(
    (wish) =>
      (wish.group === null || wish.group === group.name) &&
      (wish.instance === null || wish.instance === instance.id || wish.instance === String(instance.index)),
  );
  return (
    asked?.state ??
    group.instanceStates.get(instance.id) ??
    group.instanceStates.get(String(instance.index)) ??
    group.state
  );
}

/** Everything goes. */
export function planUndeployment(
  instances: readonly ActualInstance[],
  options: Pick<DeployOptions, 'skipDrain'>,
): InstancePlan[] {
  return instances.map((actual) => planDeletion(actual, options, 'delete-deployment'));
}
