import { OperatorError } from '../../common/errors.ts';
import { countBy, groupBy } from '../../common/group-by.ts';
import type { GroupNetwork, InstanceGroup } from '../../manifests/instance-group.ts';
import type { Network } from '../../manifests/networks.ts';
import type { Instance } from '../store/instances.ts';
import type { Placed, Placement } from './placed.ts';

interface StaticIp {
  network: string;
  address: string;
  /** Of the subnet that holds it, as far as the group has them; `[null]` without AZs. */
  azs: Array<string | null>;
  claimed: boolean;
  /** Its place among all of the manifest. */
  at: number;
}

/**
 * Placement of a group whose networks list static IPs: the addresses decide the AZs. An existing instance keeps the
 * addresses that it has while they are listed; others take free ones of their AZ, or go; new instances take what is
 * left in the manifest's order. An address that several AZs could have goes to the one with fewest.
 * Source: bosh's static_ips_availability_zone_picker.
 */
export function placeByStaticIps(
  group: InstanceGroup,
  existing: readonly Instance[],
  networks: ReadonlyMap<string, Network>,
): Placed {
  const pool = new Pool(group, networks);
  const placements: Placement[] = [];
  const obsolete: Instance[] = [];
  const waiting: Instance[] = [];

  for (const instance of existing) {
    const kept = pool.heldBy(instance);
    if (instance.ignore && !pool.networks.every((name) => kept.some(({ network }) => network === name)))
      unplaceable(group, `${instance.id} is ignored, and a static IP of it was removed`);
    if (kept.length === 0) waiting.push(instance);
    else if (placements.length >= group.instances) {
      pool.drop(kept);
      obsolete.push(instance);
    } else {
      if (!kept.every((ip) => ip.azs.includes(instance.az))) {
        unplaceable(
          group,
          `${instance.id} uses ${kept.map((ip) => ip.address).join(', ')} in AZ "${instance.az}", which its subnet no longer has`,
        );
      }
      for (const ip of kept) pool.claim(ip, instance.az);
      placements.push({
        existing: instance,
        az: instance.az,
        staticIps: new Map(kept.map((ip) => [ip.network, ip.address])),
      });
    }
  }
  // Every placed instance gets an address on each network before others are thought of.
  const filled = placements.map((placement) => fill(group, pool, placement));
  for (const instance of waiting) {
    const room =
      filled.length < group.instances && pool.networks.every((name) => pool.freeIn(name, instance.az) !== undefined);
    if (room) filled.push(fill(group, pool, { existing: instance, az: instance.az, staticIps: new Map() }));
    else obsolete.push(instance);
  }
  const inAz = countBy(filled, ({ az }) => az);
  while (filled.length < group.instances) {
    const next = pool.next(inAz);
    if (next === undefined) unplaceable(group, 'its static IPs cannot be spread evenly over its networks');
    pool.claim(next.ip, next.az);
    const staticIps = new Map([[next.ip.network, next.ip.address]]);
    filled.push(fill(group, pool, { existing: null, az: next.az, staticIps }));
    inAz.set(next.az, (inAz.get(next.az) ?? 0) + 1);
  }
  return { placements: filled, obsolete };
}

function fill(group: InstanceGroup, pool: Pool, placement: Placement): Placement {
  const staticIps = new Map(placement.staticIps);
  for (const name of pool.networks) {
    if (staticIps.has(name)) continue;
    const ip = pool.freeIn(name, placement.az);
    if (ip === undefined) unplaceable(group, `network "${name}" has no static IP left in AZ "${placement.az}"`);
    pool.claim(ip, placement.az);
    staticIps.set(name, ip.address);
  }
  return { ...placement, staticIps };
}

function unplaceable(group: InstanceGroup, what: string): never {
  throw new OperatorError(`instance group ${group.name}: ${what}`, {
    code: 'static-ips-unplaceable',
    hint: 'Give each AZ of the group as many static IPs, on every network that lists them, as it shall have instances.',
    details: { boshCode: 130010, group: group.name },
  });
}

/**
 * INVARIANT: an address that is claimed stays so, and what is free in no AZ now will not be free later. So whatever looks for
 * one goes on where it ended last, and placing thousands takes as many steps.
 */
class Pool {
  readonly networks: readonly string[];
  readonly #byAddress: ReadonlyMap<string, readonly StaticIp[]>;
  /** Of the first network, in the manifest's order. */
  readonly #first: Line;
  /** Unclaimed ones of the first network that can go to this AZ only. */
  readonly #boundTo: Map<string | null, number>;
  /** By network and AZ. */
  readonly #free = new Map<string, Map<string | null, { bound: Line; flexible: Line }>>();

  constructor(group: InstanceGroup, networks: ReadonlyMap<string, Network>) {
    const lists = group.networks.filter(
      ({ name, staticIps }) => staticIps !== null && networks.get(name)?.type === 'manual',
    );
    this.networks = lists.map(({ name }) => name);
    const ips = lists.flatMap((list) => staticIpsOf(group, list, networks)).map((ip, at) => ({ ...ip, at }));
    this.#byAddress = groupBy(ips, ({ address }) => address);
    const first = ips.filter(({ network }) => network === this.networks[0]);
    this.#first = new Line(first);
    this.#boundTo = countBy(first.filter(isBound), ({ azs: [az = null] }) => az);
    for (const [network, own] of groupBy(ips, ({ network }) => network)) {
      const azs = new Set(own.flatMap((ip) => ip.azs));
      const lines = [...azs].map((az) => [az, linesOf(own.filter((ip) => ip.azs.includes(az)))] as const);
      this.#free.set(network, new Map(lines));
    }
  }

  heldBy(instance: Instance): StaticIp[] {
    return [...new Set(instance.ips.flatMap(({ address }) => this.#byAddress.get(address) ?? []))]
      .filter((ip) => !ip.claimed)
      .sort((a, b) => a.at - b.at);
  }

  claim(ip: StaticIp, az: string | null): void {
    this.#take(ip);
    ip.azs = [az];
  }

  /** Addresses of an instance that goes are nobody's in this plan: they are still in use. */
  drop(ips: readonly StaticIp[]): void {
    for (const ip of ips) this.#take(ip);
  }

  #take(ip: StaticIp): void {
    ip.claimed = true;
    const [az = null] = ip.azs;
    if (ip.network === this.networks[0] && isBound(ip)) this.#boundTo.set(az, (this.#boundTo.get(az) ?? 0) - 1);
  }

  /** Addresses that no other AZ could have come first, so that the flexible ones are left for who needs them. */
  freeIn(network: string, az: string | null): StaticIp | undefined {
    const lines = this.#free.get(network)?.get(az);
    return lines?.bound.next() ?? lines?.flexible.next();
  }

  /**
   * The next address of the first network, in the manifest's order, and the AZ that its instance goes to: of several the
   * one with fewest, counting addresses that can go nowhere else.
   * @param inAz how many instances each AZ has
   */
  next(inAz: ReadonlyMap<string | null, number>): { ip: StaticIp; az: string | null } | undefined {
    const others = this.networks.slice(1);
    for (let ip = this.#first.next(); ip !== undefined; ip = this.#first.skip()) {
      const load = (az: string | null) => (inAz.get(az) ?? 0) + (this.#boundTo.get(az) ?? 0);
      const open = ip.azs.filter((az) => others.every((name) => this.freeIn(name, az) !== undefined));
      const az = open.sort((a, b) => load(a) - load(b))[0];
      if (az !== undefined) return { ip, az };
    }
    return undefined;
  }
}

function isBound({ azs }: StaticIp): boolean {
  return azs.length === 1;
}

function linesOf(ips: readonly StaticIp[]): { bound: Line; flexible: Line } {
  return { bound: new Line(ips.filter(isBound)), flexible: new Line(ips.filter((ip) => !isBound(ip))) };
}

/** Addresses in their order, of which the claimed ones are passed over once and for all. */
class Line {
  readonly #ips: readonly StaticIp[];
  #at = 0;

  constructor(ips: readonly StaticIp[]) {
    this.#ips = ips;
  }

  next(): StaticIp | undefined {
    while (this.#ips[this.#at]?.claimed === true) this.#at++;
    return this.#ips[this.#at];
  }

  skip(): StaticIp | undefined {
    this.#at++;
    return this.next();
  }
}

function staticIpsOf(
  group: InstanceGroup,
  { name, staticIps }: GroupNetwork,
  networks: ReadonlyMap<string, Network>,
): Array<Omit<StaticIp, 'at'>> {
  const network = networks.get(name);
  if (network?.type !== 'manual') return [];
  return (staticIps ?? []).map((address) => {
    const subnet = network.subnets.find(({ statics }) => statics.has(address));
    if (subnet === undefined)
      unplaceable(group, `static IP ${address} is in the static range of no subnet of network "${name}"`);
    const azs = subnet.azs === null ? [null] : subnet.azs.filter((az) => group.azs?.includes(az));
    if (azs.length === 0) unplaceable(group, `static IP ${address} of network "${name}" is in none of the group's AZs`);
    return { network: name, address, azs, claimed: false };
  });
}
