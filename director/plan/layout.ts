import { OperatorError } from '../../common/errors.ts';
import type { InstanceId } from '../../common/ids.ts';
import { atOnce, mapped } from '../../common/in-turns.ts';
import type { Instance } from '../store/instances.ts';
import { instanceLabel, type ActualDeployment, type ActualInstance } from './actual.ts';
import type { InstanceGroup } from '../../manifests/instance-group.ts';
import type { Network } from '../../manifests/networks.ts';
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
  return atOnce(layingOut(wanted, actual, freshIds));
}

/** `layOut`, a part at a time. */
export function* layingOut(
  wanted: WantedDeployment,
  actual: ActualDeployment,
  freshIds: readonly InstanceId[],
): Generator<void, Layout> {
  const byId = new Map(actual.instances.map((entry) => [entry.instance.id, entry]));
  const labels = actual.instances.map(({ instance }) => [instance.id, instanceLabel(instance)] as const);
  const book = new AddressBook(actual.addresses, new Map(labels));
  const fresh = freshIds[Symbol.iterator]();
  const claimed = new Set<InstanceId>();
  const obsolete: Instance[] = [];

  const all = wanted.groups.map(({ group }) => group);
  const faults = new Faults();
  const placedGroups: PlacedGroup[] = [];
  for (const group of wanted.groups) {
    yield;
    const placed = faults.attempt(() => {
      const existing = continuedBy(group.group, all, actual.instances);
      for (const { id } of existing) claimed.add(id);
      return placeGroup(group, existing, wanted.cloud.networks);
    });
    if (placed === undefined) continue;
    obsolete.push(...placed.obsolete);
    placedGroups.push({ group, ...placed });
  }
  faults.throwIfAny();
  obsolete.push(...actual.instances.map(({ instance }) => instance).filter(({ id }) => !claimed.has(id)));
  refuseToDeleteIgnored(obsolete);

  const groups: GroupLayout[] = [];
  for (const { group, placements, obsolete: unplaced } of placedGroups) {
    yield;
    const identified = identify(group, placements, actual, () => {
      const { value } = fresh.next();
      if (value === undefined) throw new Error('layOut was given too few fresh ids');
      return value;
    });
    const instances = yield* mapped(identified, (one): LaidOutInstance[] => {
      const existing = one.placement.existing === null ? null : (byId.get(one.placement.existing.id) ?? null);
      const { networks } = wanted.cloud;
      const reserved = faults.attempt(() =>
        existing?.instance.ignore === true
          ? reservationsOfIgnored(group.group, existing.instance, networks)
          : book.reserve(group.group, one.placement, one.id, networks),
      );
      if (reserved === undefined) return [];
      const { id, index, bootstrap } = one;
      return [{ id, group: group.group.name, index, az: one.placement.az, bootstrap, existing, ...reserved }];
    });
    groups.push({ wanted: group, instances: instances.flat(), obsolete: actualOf(unplaced, actual) });
  }
  faults.throwIfAny();
  return { groups, obsolete: actualOf(obsolete, actual) };
}

interface PlacedGroup extends ReturnType<typeof placeGroup> {
  group: WantedGroup;
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
 * group has, rows that go included; those that come before those that are new.
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
  electBootstrap(inOrder);
  return inOrder;
}

/**
 * One is the bootstrap: the one that was, else the lowest index. An ignored instance stays what it is, for nobody tells
 * its machine; BOSH may elect one all the same, and then no jobs of the group take themselves for the bootstrap.
 */
function electBootstrap(inOrder: readonly Identified[]): void {
  const was = ({ placement }: Identified) => placement.existing?.bootstrap === true;
  const ignored = inOrder.filter(({ placement }) => placement.existing?.ignore === true);
  for (const one of ignored) one.bootstrap = was(one);
  if (ignored.some(was)) return;
  const open = inOrder.filter((one) => !ignored.includes(one));
  const before = open.filter(was);
  const chosen = before.length === 1 ? before[0] : open[0];
  if (chosen !== undefined) chosen.bootstrap = true;
}

/** What it has, whether or not the cloud config would still give it: nothing of it is written or freed. */
function reservationsOfIgnored(
  group: InstanceGroup,
  instance: Instance,
  networks: ReadonlyMap<string, Network>,
): { reservations: Reservation[]; obsoleteAddresses: string[] } {
  const reservations = group.networks.map(({ name }): Reservation => {
    const held = instance.ips.find(({ network }) => network === name);
    if (held === undefined && networks.get(name)?.type !== 'dynamic')
      refuseIgnored(instance, `would give it an address on network "${name}"`);
    const { address = null, static: isStatic = false } = held ?? {};
    return { network: name, address, static: isStatic, held: true, recorded: true };
  });
  return { reservations, obsoleteAddresses: [] };
}

function refuseToDeleteIgnored(obsolete: readonly Instance[]): void {
  const ignored = obsolete.find(({ ignore }) => ignore);
  if (ignored !== undefined) refuseIgnored(ignored, 'would delete it');
}

function refuseIgnored(instance: Instance, what: string): never {
  const label = instanceLabel(instance);
  throw new OperatorError(`${label} is ignored, and this deploy ${what}`, {
    code: 'ignored-instance-in-the-way',
    hint: `Run \`bosh unignore ${label}\` first, or keep it in the manifest as it was.`,
    details: { boshCode: 190021, instance: instance.id },
  });
}
