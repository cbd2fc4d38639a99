import {
  blockOf,
  formatIp,
  parseIp,
  parseRange,
  rangeOf,
  rangeSize,
  type Ip,
  type IpFamily,
  type IpRange,
} from './ip.ts';

/**
 * A set of addresses, kept as sorted ranges that neither overlap nor touch. Looking up is a binary search; adding
 * ten thousand addresses one by one in order leaves one range.
 */
export class IpSet {
  readonly #ranges: Record<IpFamily, IpRange[]> = { 4: [], 6: [] };

  /** @throws Error when a text is no range: callers have checked what they hand over */
  static of(items: Iterable<IpRange | string>): IpSet {
    const set = new IpSet();
    const ranges = [...items].map((item) => (typeof item === 'string' ? rangeFrom(item) : item));
    for (const family of [4, 6] as const) {
      const sorted = ranges.filter((r) => r.family === family).sort((a, b) => (a.first < b.first ? -1 : 1));
      for (const range of sorted) set.add(range); // in order, so each goes to the end
    }
    return set;
  }

  add(range: IpRange): void {
    const ranges = this.#ranges[range.family];
    let { first, last } = range;
    // All that overlap or touch: from the first that reaches up to us, until one starts beyond us.
    const from = lowerBound(ranges, first - 1n);
    let to = from;
    for (let next = ranges[to]; next !== undefined && next.first <= last + 1n; next = ranges[++to]) {
      if (next.first < first) first = next.first;
      if (next.last > last) last = next.last;
    }
    ranges.splice(from, to - from, { family: range.family, first, last });
  }

  remove(range: IpRange): void {
    const ranges = this.#ranges[range.family];
    const from = lowerBound(ranges, range.first);
    let to = from;
    const left: IpRange[] = [];
    for (let next = ranges[to]; next !== undefined && next.first <= range.last; next = ranges[++to]) {
      if (next.first < range.first) left.push({ ...next, last: range.first - 1n });
      if (next.last > range.last) left.push({ ...next, first: range.last + 1n });
    }
    ranges.splice(from, to - from, ...left);
  }

  /** False for a text that is no address. */
  has(address: string | Ip): boolean {
    const ip = typeof address === 'string' ? parseIp(address) : address;
    return ip !== undefined && this.firstOverlap(rangeOf(ip)) !== undefined;
  }

  /** Whether all of the range is in the set. */
  covers(range: IpRange): boolean {
    const found = this.firstOverlap(range);
    return found !== undefined && found.first <= range.first && range.last <= found.last;
  }

  /** The lowest range of the set that shares an address with `range`. */
  firstOverlap(range: IpRange): IpRange | undefined {
    const ranges = this.#ranges[range.family];
    const found = ranges[lowerBound(ranges, range.first)];
    return found !== undefined && found.first <= range.last ? found : undefined;
  }

  get size(): bigint {
    return this.ranges().reduce((sum, range) => sum + rangeSize(range), 0n);
  }

  get isEmpty(): boolean {
    return this.#ranges[4].length === 0 && this.#ranges[6].length === 0;
  }

  /** IPv4 first, then IPv6, each rising. */
  ranges(): readonly IpRange[] {
    return [...this.#ranges[4], ...this.#ranges[6]];
  }
}

function rangeFrom(text: string): IpRange {
  const range = parseRange(text);
  if (range === undefined) throw new Error(`"${text}" is no address and no range`);
  return range;
}

/** The index of the first range that ends at or after `n`. */
function lowerBound(ranges: readonly IpRange[], n: bigint): number {
  let low = 0;
  let high = ranges.length;
  const final = ranges[high - 1];
  if (final === undefined || final.last < n) return high; // adding in order is the common case
  while (low < high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle];
    if (range !== undefined && range.last < n) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The lowest address of `within` whose block of length `prefix` lies inside it and touches none of `blocked`;
 * undefined when there is none. Jumps over whole blocked ranges, so a full /8 costs what its ranges cost.
 */
export function lowestFree(within: IpRange, blocked: readonly IpSet[], prefix?: number): string | undefined {
  const { family } = within;
  const length = prefix ?? (family === 4 ? 32 : 128);
  let n = within.first;
  for (;;) {
    let block = blockOf({ family, n }, length);
    if (block.first < n) block = blockOf({ family, n: block.last + 1n }, length);
    if (block.last > within.last) return undefined;
    let jump: bigint | undefined;
    for (const set of blocked) {
      const obstacle = set.firstOverlap(block);
      if (obstacle !== undefined && (jump === undefined || obstacle.last >= jump)) jump = obstacle.last + 1n;
    }
    if (jump === undefined) return formatIp({ family, n: block.first });
    n = jump;
  }
}
