import { OperatorError } from '../../common/errors.ts';
import type { InstanceId } from '../../common/ids.ts';
import type { Instance } from '../store/instances.ts';
import { instanceLabel, type ActualDeployment, type ActualInstance } from './actual.ts';
import { AddressBook, type Reservation } from './addresses.ts';
import { Faults } from './faults.ts';
import { continuedBy } from './migration.ts';
import type { Placement } from './placed.ts';
import { inGroupOrder, placeGroup } from './placement.ts';
import type { WantedDeployment, WantedGroup } from './wanted.ts';

/**
 * Who shall be where: each wanted instance with its AZ, index, addresses, and the existing instance that it continues.
 * First half of planning; the second (plan-deployment.ts) needs the templates rendered, and those need this.
 */
export interface Layout {
  groups: readonly GroupLayout[];
  /** Existing instances that shall go. */
  obsolete: readonly ActualInstance[];
}

export interface GroupLayout {
  wanted: WantedGroup;
  instances: readonly LaidOutInstance[];
  /** Those of `obsolete` that the group, under its name or a former one, has no place for. */
  obsolete: readonly ActualInstance[];
}

export interface LaidOutInstance {
  id: InstanceId;
  group: string;
  index: number;
  az: string | null;
  bootstrap: boolean;
  existing: ActualInstance | null;
  /** One for each network of the group, in its order. */
  reservations: readonly Reservation[];
  /** Held by the existing instance and no longer wanted; free once its VM is gone. */
  obsoleteAddresses: readonly string[];
}

/**
 * @param freshIds ids for new instances: at least as many as instances are wanted in all
 * @throws OperatorError of migration.ts and placement.ts, or else of addresses.ts: all faults at once
 */
export function layOut(wanted: WantedDeployment, actual: ActualDeployment, freshIds: readonly InstanceId[]): Layout {
  const byId = new Map(actual.instances.map((entry) => [entry.instance.id, entry]));
  const labels = actual.instances.map(({ instance }) => [instance.id, instanceLabel(instance)] as const);
  const book = new AddressBook(actual.addresses, new Map(labels));
  const fresh = freshIds[Symbol.iterator]();
  const claimed = new Set<InstanceId>();
  const obsolete: Instance[] = [];

  const all = wanted.groups.map(({ group }) => group);
  const faults = new Faults();
  const placedGroups = wanted.groups.flatMap((group) => {
    const placed = faults.attempt(() => {
      const existing = continuedBy(group.group, all, actual.instances);
      for (const { id } of existing) claimed.add(id);
      return placeGroup(group, existing, wanted.cloud.networks);
    });
    if (placed === undefined) return [];
    obsolete.push(...placed.obsolete);
    return [{ group, ...placed }];
  });
  faults.throwIfAny();
  obsolete.push(...actual.instances.map(({ instance }) => instance).filter(({ id }) => !claimed.has(id)));
  refuseToDeleteIgnored(obsolete);

  const groups = placedGroups.map(({ group, placements, obsolete: unplaced }): GroupLayout => {
    const identified = identify(group, placements, actual, () => {
      const { value } = fresh.next();
      if (value === undefined) throw new Error('layOut was given too few fresh ids');
      return value;
    });
    const instances = identified.flatMap((one): LaidOutInstance[] => {
      const existing = one.placement.existing === null ? null : (byId.get(one.placement.existing.id) ?? null);
      const reserved = faults.attempt(() => book.reserve(group.group, one.placement, one.id, wanted.cloud.networks));
      if (reserved === undefined) return [];
      const { id, index, bootstrap } = one;
      return [{ id, group: group.group.name, index, az: one.placement.az, bootstrap, existing, ...reserved }];
    });
    return { wanted: group, instances, obsolete: actualOf(unplaced, actual) };
  });
  faults.throwIfAny();
  return { groups, obsolete: actualOf(obsolete, actual) };
}

function actualOf(instances: readonly Instance[], actual: ActualDeployment): ActualInstance[] {
  const ids = new Set(instances.map(({ id }) => id));
  if (ids.size === 0) return [];
  return actual.instances
    .filter(({ instance }) => ids.has(instance.id))
    .sort((a, b) => inGroupOrder(a.instance, b.instance));
}

interface Identified {
  placement: Placement;
  id: InstanceId;
  index: number;
  bootstrap: boolean;
}

/**
 * Existing instances keep id and index; new ones, and those of another group, get the lowest index that no row of this
 * group has, rows that go included; those that come before those that are new. One is the bootstrap: the one that was,
 * else the lowest index.
 */
function identify(
  { group }: WantedGroup,
  placements: readonly Placement[],
  actual: ActualDeployment,
  freshId: () => InstanceId,
): Identified[] {
  const used = new Set(
    actual.instances.filter(({ instance }) => instance.group === group.name).map(({ instance }) => instance.index),
  );
  let next = 0;
  const freeIndex = () => {
    while (used.has(next)) next++;
    used.add(next);
    return next;
  };
  const comingFirst = [...placements].sort((a, b) => Number(a.existing === null) - Number(b.existing === null));
  const all = comingFirst.map((placement): Identified => {
    const { existing } = placement;
    const index = existing !== null && existing.group === group.name ? existing.index : freeIndex();
    return { placement, id: existing?.id ?? freshId(), index, bootstrap: false };
  });
  const inOrder = all.sort((a, b) => a.index - b.index);
  const was = inOrder.filter(({ placement }) => placement.existing?.bootstrap === true);
  const chosen = was.length === 1 ? was[0] : inOrder[0];
  if (chosen !== undefined) chosen.bootstrap = true;
  return inOrder;
}

function refuseToDeleteIgnored(obsolete: readonly Instance[]): void {
  const ignored = obsolete.find(({ ignore }) => ignore);
  if (ignored === undefined) return;
  throw new OperatorError(`${ignored.group}/${ignored.id} is ignored, and this deploy would delete it`, {
    code: 'ignored-instance-in-the-way',
    hint: `Run \`bosh unignore ${ignored.group}/${ignored.id}\` first, or keep it in the manifest.`,
    details: { boshCode: 190021, instance: ignored.id },
  });
}
