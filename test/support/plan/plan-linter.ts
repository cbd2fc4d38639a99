import { IpSet } from '../../../manifests/ip-set.ts';
import type { Network } from '../../../manifests/networks.ts';
import { canariesOf, maxInFlightOf, parseAmount, type UpdatePolicy } from '../../../manifests/update-policy.ts';
import type { ActualInstance } from '../../../director/plan/actual.ts';
import type { GroupLayout } from '../../../director/plan/layout.ts';
import { isChanging, type GroupPlan, type Wave } from '../../../director/plan/plan-deployment.ts';
import type { InstancePlan } from '../../../director/plan/step.ts';
import type { Planned } from './plan-of.ts';

/** What holds for every plan, whatever was asked. Each violation is a line; a good plan has none. */
export function lintPlan(planned: Planned): string[] {
  return [
    ...planned.layout.groups.flatMap((group) => lintLayout(group, planned)),
    ...lintAddresses(planned),
    ...planned.plan.batches.flat().flatMap((group) => lintGroup(group, planned)),
    ...lintExisting(planned),
  ];
}

function lintLayout({ wanted: { group }, instances }: GroupLayout, { wanted }: Planned): string[] {
  const faults: string[] = [];
  if (instances.length !== group.instances)
    faults.push(`${group.name}: ${instances.length} of ${group.instances} instances`);
  if (new Set(instances.map(({ index }) => index)).size < instances.length)
    faults.push(`${group.name}: an index twice`);
  if (instances.length > 0 && instances.filter(({ bootstrap }) => bootstrap).length !== 1) {
    faults.push(`${group.name}: not just one bootstrap`);
  }
  for (const { id, az, reservations, existing } of instances) {
    const azs: ReadonlyArray<string | null> = group.azs ?? [null];
    if (!azs.includes(az)) faults.push(`${group.name}/${id}: in ${az}, which the group does not have`);
    if (existing?.instance.ignore === true) continue; // keeps what it has, whether or not it fits any more
    for (const { network, address } of reservations) {
      const there = wanted.cloud.networks.get(network);
      if (there !== undefined && address !== null && !fits(there, address, az)) {
        faults.push(`${group.name}/${id}: ${address} is not for ${az ?? 'no AZ'} in network ${network}`);
      }
    }
  }
  return faults;
}

function fits(network: Network, address: string, az: string | null): boolean {
  if (network.type === 'dynamic') return false;
  if (network.type === 'vip')
    return network.subnets.length === 0 || network.subnets.some(({ statics }) => statics.has(address));
  return network.subnets.some(
    ({ range, azs, restricted }) =>
      range !== null &&
      IpSet.of([range]).has(address) &&
      !restricted.has(address) &&
      (az === null || azs === null || azs.includes(az)),
  );
}

/** An address that anybody has at the start is nobody else's in this plan: its VM may still be there. */
function lintAddresses({ actual, layout }: Planned): string[] {
  const holders = new Map<string, string | null>(
    actual.addresses.map(({ address, instanceId }) => [address, instanceId]),
  );
  const faults: string[] = [];
  for (const { id, reservations } of layout.groups.flatMap(({ instances }) => instances)) {
    for (const { address } of reservations) {
      if (address === null) continue;
      const holder = holders.has(address) ? holders.get(address) : id;
      if (holder !== id) faults.push(`${address} is given to ${id} and held by ${holder}`);
      holders.set(address, id);
    }
  }
  return faults;
}

function lintGroup(plan: GroupPlan, planned: Planned): string[] {
  const group = planned.layout.groups.find(({ wanted }) => wanted.group.name === plan.group)?.wanted.group;
  if (group === undefined) return [`${plan.group} is planned and not laid out`];
  const policy = withOptions(group.update, planned);
  const faults = plan.waves.flatMap((wave, i) => lintWave(wave, { first: i === 0, policy }));
  const inWaves = plan.waves.flatMap(({ canaries, rest }) => [...canaries, ...rest]).map(({ id }) => id);
  const changing = plan.instances.filter(isChanging).map(({ id }) => id);
  if (inWaves.toSorted().join() !== changing.toSorted().join()) {
    faults.push(`waves update ${inWaves.join(', ')}, and ${changing.join(', ')} change`);
  }
  if (plan.deletions.length > 0 && plan.deletionsMaxInFlight > maxInFlightOf(policy, plan.deletions.length)) {
    faults.push(`${plan.deletionsMaxInFlight} deletions at a time`);
  }
  return faults.map((fault) => `${plan.group}: ${fault}`);
}

function withOptions(policy: UpdatePolicy, { options }: Planned): UpdatePolicy {
  const canaries = parseAmount(options.canaries ?? '') ?? policy.canaries;
  return { ...policy, canaries, maxInFlight: parseAmount(options.maxInFlight ?? '') ?? policy.maxInFlight };
}

function lintWave(
  { az, canaries, rest, maxInFlight }: Wave,
  { first, policy }: { first: boolean; policy: UpdatePolicy },
): string[] {
  const size = canaries.length + rest.length;
  const faults: string[] = [];
  if (size === 0) faults.push('an empty wave');
  if (!first && canaries.length > 0) faults.push('canaries after the first wave');
  const canariesWanted = Math.min(canariesOf(policy, size), size);
  if (first && canaries.length !== canariesWanted)
    faults.push(`${canaries.length} canaries instead of ${canariesWanted}`);
  if (maxInFlight > maxInFlightOf(policy, size)) faults.push(`${maxInFlight} in flight`);
  if (az !== null && [...canaries, ...rest].some((instance) => instance.az !== az))
    faults.push(`a wave of ${az} with others in it`);
  return faults;
}

/** Ignored instances, reasons, disks, and that nobody is forgotten. */
function lintExisting({ actual, plan, layout }: Planned): string[] {
  const deletions = [...plan.obsoleteGroups, ...plan.batches.flat().flatMap((group) => group.deletions)];
  const updates = plan.batches.flat().flatMap((group) => group.instances);
  const known = new Map<string, ActualInstance>(actual.instances.map((one) => [one.instance.id, one]));
  const faults = [...lintReasons(updates, known), ...lintDisks([...updates, ...deletions], layout.groups)];
  for (const { instance } of actual.instances) {
    const label = `${instance.group}/${instance.id}`;
    const plans = [...deletions, ...updates].filter(({ id }) => id === instance.id);
    if (plans.length !== 1) faults.push(`${label} is planned ${plans.length} times`);
    if (instance.ignore && plans.some((one) => isChanging(one) || one.action === 'delete')) {
      faults.push(`${label} is ignored and touched`);
    }
  }
  return faults;
}

function lintReasons(updates: readonly InstancePlan[], known: ReadonlyMap<string, ActualInstance>): string[] {
  return updates.flatMap((update) => {
    const existing = known.get(update.id);
    const label = `${update.group}/${update.id}`;
    if (existing === undefined || !isChanging(update)) return [];
    if (update.changes.some(({ reason }) => reason.trim() === '')) return [`${label} changes for an empty reason`];
    return update.changes.length === 0 ? [`${label} changes for no reason`] : [];
  });
}

/** A disk is given up only where the group wants none of its name; nothing deletes one. */
function lintDisks(plans: readonly InstancePlan[], groups: readonly GroupLayout[]): string[] {
  return plans.flatMap(({ id, group, updateSteps, createSteps }) =>
    [...createSteps, ...updateSteps].flatMap((step) => {
      if (step.kind !== 'change-disk' || step.to !== null) return [];
      const wanted = groups.find(({ wanted }) => wanted.group.name === group)?.wanted.disks ?? [];
      return wanted.some(({ name }) => name === step.name) ? [`${group}/${id} gives up a disk that is wanted`] : [];
    }),
  );
}
