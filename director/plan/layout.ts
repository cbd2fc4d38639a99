import { OperatorError } from '../../common/errors.ts';
import type { InstanceId } from '../../common/ids.ts';
import type { Instance } from '../store/instances.ts';
import type { ActualDeployment, ActualInstance } from './actual.ts';
import { AddressBook, type Reservation } from './addresses.ts';
import type { Placement } from './placed.ts';
import { placeGroup } from './placement.ts';
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
 * @throws OperatorError of placement.ts and addresses.ts
 */
export function layOut(wanted: WantedDeployment, actual: ActualDeployment, freshIds: readonly InstanceId[]): Layout {
  const byId = new Map(actual.instances.map((entry) => [entry.instance.id, entry]));
  const book = new AddressBook(actual.addresses);
  const fresh = freshIds[Symbol.iterator]();
  const claimed = new Set<InstanceId>();
  const obsolete: Instance[] = [];

  const placedGroups = wanted.groups.map((group) => {
    const existing = continuedBy(group, actual.instances);
    for (const { id } of existing) claimed.add(id);
    const placed = placeGroup(group.group, existing, wanted.cloud.networks);
    obsolete.push(...placed.obsolete);
    return { group, placements: placed.placements };
  });
  obsolete.push(...actual.instances.map(({ instance }) => instance).filter(({ id }) => !claimed.has(id)));
  refuseToDeleteIgnored(obsolete);

  const groups = placedGroups.map(({ group, placements }) => {
    const identified = identify(group, placements, actual, () => {
      const { value } = fresh.next();
      if (value === undefined) throw new Error('layOut was given too few fresh ids');
      return value;
    });
    const instances = identified.map((one): LaidOutInstance => {
      const existing = one.placement.existing === null ? null : (byId.get(one.placement.existing.id) ?? null);
      const { reservations, obsoleteAddresses } = book.reserve(
        group.group,
        one.placement,
        one.id,
        wanted.cloud.networks,
      );
      return {
        id: one.id,
        group: group.group.name,
        index: one.index,
        az: one.placement.az,
        bootstrap: one.bootstrap,
        existing,
        reservations,
        obsoleteAddresses,
      };
    });
    return { wanted: group, instances };
  });
  const goes = new Set(obsolete.map(({ id }) => id));
  return { groups, obsolete: actual.instances.filter(({ instance }) => goes.has(instance.id)) };
}

/** Instances that carry the group's name, or the name of one that it was migrated from. */
function continuedBy({ group }: WantedGroup, actual: readonly ActualInstance[]): Instance[] {
  const formerAzs = new Map(group.migratedFrom.map(({ name, az }) => [name, az]));
  return actual.flatMap(({ instance }) => {
    if (instance.group === group.name) return [instance];
    if (!formerAzs.has(instance.group)) return [];
    return [{ ...instance, az: instance.az ?? formerAzs.get(instance.group) ?? null }];
  });
}

interface Identified {
  placement: Placement;
  id: InstanceId;
  index: number;
  bootstrap: boolean;
}

/**
 * Existing instances keep id and index; new ones, and those of another group, get the lowest index that no row of this
 * group has, rows that go included. One is the bootstrap: the one that was, else the lowest index.
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
  const all = placements.map((placement): Identified => {
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
