/**
 * Addresses, ranges and sets of them, IPv4 and IPv6. Sets hold ranges and never single addresses, so that a /8 or a
 * /64 costs as much as a /30. Single addresses are text at every border, as on the wire and in the store.
 */
export type IpFamily = 4 | 6;

/** Both ends included. */
export interface IpRange {
  readonly family: IpFamily;
  readonly first: bigint;
  readonly last: bigint;
}

export interface Cidr extends IpRange {
  readonly prefix: number;
}

export interface Ip {
  readonly family: IpFamily;
  readonly n: bigint;
}

const bitsOf = (family: IpFamily) => (family === 4 ? 32 : 128);

/** Undefined: no address. Leading zeroes are refused, because half of the world reads them as octal. */
export function parseIp(text: string): Ip | undefined {
  const n = text.includes(':') ? parseV6(text) : parseV4(text);
  return n === undefined ? undefined : { family: text.includes(':') ? 6 : 4, n };
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let n = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    n = n * 256 + Number(part);
  }
  return BigInt(n);
}

function parseV6(text: string): bigint | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted !== null) {
    const [, head = '', tail = ''] = dotted;
    const low = parseV4(tail);
    return low === undefined
      ? undefined
      : parseV6(`${head}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`);
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<string>(missing).fill('0'), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`);
}

/** As Ruby's IPAddr writes it: IPv6 shortened, and its last 32 bits as IPv4 where the others are `::` or `::ffff`. */
export function formatIp({ family, n }: Ip): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((n >> shift) & 255n)).join('.');
  const groups = groupsOf(n);
  const mapped = n >> 32n === 0xffffn;
  if (mapped || (n >> 32n === 0n && n > 0xffffn)) {
    return `::${mapped ? 'ffff:' : ''}${formatIp({ family: 4, n: n & 0xffffffffn })}`;
  }
  const short = groups.map((group) => group.toString(16));
  const { start, length } = longestZeroes(groups);
  if (length < 2) return short.join(':');
  return `${short.slice(0, start).join(':')}::${short.slice(start + length).join(':')}`;
}

function groupsOf(n: bigint): number[] {
  return Array.from({ length: 8 }, (_, i) => Number((n >> BigInt(112 - 16 * i)) & 0xffffn));
}

function longestZeroes(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** The text in the one form that we store and compare; undefined: no address. */
export function canonicalIp(text: string): string | undefined {
  const ip = parseIp(text);
  return ip === undefined ? undefined : formatIp(ip);
}

/** `10.0.0.0/24`; host bits are cut off; a bare address is a block of one. Undefined: neither. */
export function parseCidr(text: string): Cidr | undefined {
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const ip = parseIp(address);
  if (ip === undefined) return undefined;
  const prefix = length === undefined ? bitsOf(ip.family) : Number(length);
  return prefix > bitsOf(ip.family) ? undefined : blockOf(ip, prefix);
}

/** The block of this length that holds the address. */
export function blockOf({ family, n }: Ip, prefix: number): Cidr {
  const size = blockSize(family, prefix);
  const first = n - (n % size);
  return { family, first, last: first + size - 1n, prefix };
}

function blockSize(family: IpFamily, prefix: number): bigint {
  return 1n << BigInt(bitsOf(family) - prefix);
}

export function formatCidr(cidr: Cidr): string {
  return `${formatIp({ family: cidr.family, n: cidr.first })}/${cidr.prefix}`;
}

/** A single address, a CIDR, `a-b` or `a - b`. Undefined: none of them, or its ends are the wrong way round. */
export function parseRange(text: string): IpRange | undefined {
  const parts = text.split('-').map((part) => part.trim());
  const [from = '', to] = parts;
  if (parts.length === 1) return parseCidr(from);
  const first = parseIp(from);
  const last = to === undefined || parts.length > 2 ? undefined : parseIp(to);
  if (first === undefined || last === undefined) return undefined;
  if (first.family !== last.family || first.n > last.n) return undefined;
  return { family: first.family, first: first.n, last: last.n };
}

export function rangeOf(ip: Ip): IpRange {
  return { family: ip.family, first: ip.n, last: ip.n };
}

export function rangeSize(range: IpRange): bigint {
  return range.last - range.first + 1n;
}

export function contains(outer: IpRange, inner: IpRange): boolean {
  return outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last;
}

export function overlaps(a: IpRange, b: IpRange): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

/** `255.255.255.0`; for IPv6 all 32 digits, as agents get it. */
export function netmaskOf({ family, prefix }: Cidr): string {
  const n = (1n << BigInt(bitsOf(family))) - blockSize(family, prefix);
  if (family === 4) return formatIp({ family, n });
  return groupsOf(n)
    .map((group) => group.toString(16).padStart(4, '0'))
    .join(':');
}

/** The addresses of a range, as text. The caller bounds it: a range may hold 2^128 of them. */
export function* addressesOf(range: IpRange): Generator<string> {
  for (let n = range.first; n <= range.last; n++) yield formatIp({ family: range.family, n });
}

/** The fewest blocks that make up a range. */
export function blocksOf(range: IpRange): Cidr[] {
  const blocks: Cidr[] = [];
  const bits = bitsOf(range.family);
  for (let n = range.first; n <= range.last;) {
    let prefix = bits;
    while (prefix > 0) {
      const wider = blockOf({ family: range.family, n }, prefix - 1);
      if (wider.first !== n || wider.last > range.last) break;
      prefix--;
    }
    const block = blockOf({ family: range.family, n }, prefix);
    blocks.push(block);
    n = block.last + 1n;
  }
  return blocks;
}
