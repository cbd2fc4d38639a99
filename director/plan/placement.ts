import { OperatorError } from '../../common/errors.ts';
import type { InstanceGroup } from '../../manifests/instance-group.ts';
import type { Network } from '../../manifests/networks.ts';
import type { Instance } from '../store/instances.ts';
import type { Placed, Placement } from './placed.ts';
import { placeByStaticIps } from './static-placement.ts';
import type { WantedGroup } from './wanted.ts';

/**
 * Spreads a group's instances over its AZs and says which existing ones stay.
 * Ignored instances stay where they are; then those with a persistent disk, in index order, while their AZ and a disk
 * are still wanted; the rest go one by one to the AZ that has fewest. A tie goes to an AZ with an existing instance that
 * has no place yet, else to the lowest name.
 * To BOSH a disk pins once more in the deploy that gives it up, and the next one moves its instance: here the same deploy
 * twice changes nothing.
 * Source: bosh's placement_planner.
 * @throws OperatorError `ignored-instance-in-the-way` | `static-ips-unplaceable`
 */
export function placeGroup(
  { group, disks }: Pick<WantedGroup, 'group' | 'disks'>,
  existing: readonly Instance[],
  networks: ReadonlyMap<string, Network>,
): Placed {
  const inOrder = [...existing].sort(inGroupOrder);
  checkIgnored(group, inOrder);
  const hasStaticIps = group.networks.some(
    ({ name, staticIps }) => staticIps !== null && networks.get(name)?.type !== 'vip',
  );
  return hasStaticIps ? placeByStaticIps(group, inOrder, networks) : placeByBalance(group, inOrder, disks.length > 0);
}

/** Indexes alone do not order instances that come from several groups. */
export function inGroupOrder(a: Instance, b: Instance): number {
  return a.index - b.index || (a.group < b.group ? -1 : a.group > b.group ? 1 : 0);
}

function placeByBalance(group: InstanceGroup, existing: readonly Instance[], disksPin: boolean): Placed {
  const unclaimed = new Unclaimed(existing);
  // Most populated first: this is the order in which ties are looked at.
  const azs: Array<string | null> =
    group.azs === null ? [null] : [...group.azs].sort((a, b) => unclaimed.populationOf(b) - unclaimed.populationOf(a));
  const counts = new Map(azs.map((az) => [az, 0]));
  const placements: Placement[] = [];

  const place = (az: string | null, instance: Instance | null) => {
    counts.set(az, (counts.get(az) ?? 0) + 1);
    placements.push({ existing: instance, az, staticIps: new Map() });
  };
  const claim = (instance: Instance, az: string | null) => {
    unclaimed.claim(instance);
    place(az, instance);
  };
  const open = () => placements.length < group.instances;

  for (const instance of existing) if (instance.ignore && open()) claim(instance, instance.az);
  for (const instance of existing) {
    const pinned =
      disksPin &&
      !instance.ignore &&
      instance.disks.some((disk) => disk.active) &&
      group.azs?.includes(instance.az ?? '');
    if (pinned === true && open()) claim(instance, instance.az);
  }
  while (open()) {
    const az = leastPopulated(azs, counts, unclaimed);
    const instance = unclaimed.firstIn(az);
    if (instance === undefined) place(az, null);
    else claim(instance, az);
  }
  return { placements, obsolete: unclaimed.all().sort((a, b) => a.index - b.index) };
}

/** Existing instances, by AZ and in order, until each has its place. Thousands are claimed one by one, mostly the first. */
class Unclaimed {
  readonly #byAz = new Map<string | null, Queue>();
  readonly #claimed = new Set<Instance>();

  constructor(existing: readonly Instance[]) {
    for (const instance of existing) {
      const queue = this.#byAz.get(instance.az);
      if (queue === undefined) this.#byAz.set(instance.az, { instances: [instance], first: 0 });
      else queue.instances.push(instance);
    }
  }

  /** Claimed ones included. */
  populationOf(az: string | null): number {
    return this.#byAz.get(az)?.instances.length ?? 0;
  }

  claim(instance: Instance): void {
    this.#claimed.add(instance);
  }

  firstIn(az: string | null): Instance | undefined {
    const queue = this.#byAz.get(az);
    if (queue === undefined) return undefined;
    for (; queue.first < queue.instances.length; queue.first++) {
      const instance = queue.instances[queue.first];
      if (instance !== undefined && !this.#claimed.has(instance)) return instance;
    }
    return undefined;
  }

  all(): Instance[] {
    return [...this.#byAz.values()].flatMap(({ instances }) => instances).filter((one) => !this.#claimed.has(one));
  }
}

interface Queue {
  instances: Instance[];
  /** All before it are claimed. */
  first: number;
}

function leastPopulated(
  azs: ReadonlyArray<string | null>,
  counts: ReadonlyMap<string | null, number>,
  unclaimed: Unclaimed,
): string | null {
  const fewest = Math.min(...azs.map((az) => counts.get(az) ?? 0));
  const tied = azs.filter((az) => (counts.get(az) ?? 0) === fewest);
  const occupied = tied.find((az) => unclaimed.firstIn(az) !== undefined);
  if (occupied !== undefined) return occupied;
  return tied.reduce((low, az) => ((az ?? '') < (low ?? '') ? az : low), tied[0] ?? null);
}

/** Nobody may delete an ignored instance, take its AZ away or change its networks. */
function checkIgnored(group: InstanceGroup, existing: readonly Instance[]): void {
  const ignored = existing.filter((instance) => instance.ignore);
  const refuse = (what: string) => {
    throw new OperatorError(`instance group ${group.name}: ${what}`, {
      code: 'ignored-instance-in-the-way',
      hint: 'Run `bosh unignore GROUP/ID` first, or leave this part of the manifest as it was.',
      details: { boshCode: 190020, group: group.name, ignored: ignored.map(({ id }) => id) },
    });
  };
  if (ignored.length > group.instances) {
    refuse(`${ignored.length} of its instances are ignored, and only ${group.instances} are wanted`);
  }
  for (const instance of ignored) {
    if (instance.az !== null && !(group.azs ?? []).includes(instance.az)) {
      refuse(`${instance.id} is ignored and in AZ "${instance.az}", which the group no longer has`);
    }
    const had = [...new Set(instance.ips.map((ip) => ip.network))].sort();
    const wanted = group.networks.map(({ name }) => name).filter((name) => had.length === 0 || had.includes(name));
    if (had.length > 0 && [...new Set(wanted)].sort().join() !== had.join()) {
      refuse(`${instance.id} is ignored and on other networks (${had.join(', ')}) than are wanted`);
    }
  }
}
