import { IpSet } from '../ip-set.ts';
import { formatIp, parseCidr, parseIp, parseRange, rangeSize, type IpRange } from '../ip.ts';
import type { YamlValue } from '../value.ts';
import { describe, type Section } from './section.ts';

/** BOSH's number for text that is neither an address nor a range. */
const badRangeCode = 160010;

/**
 * The ranges under a key: a text or a list of texts (of lists, even), each an address, a CIDR, `a-b` or `a - b`.
 * What is none is a fault at its own place.
 */
export function readRanges(section: Section, key: string): { range: IpRange; text: string }[] {
  const found: { range: IpRange; text: string }[] = [];
  const read = (value: YamlValue, path: readonly (string | number)[]): void => {
    if (value === null) return;
    if (Array.isArray(value)) return value.forEach((item, i) => read(item, [...path, i]));
    const range = typeof value === 'string' ? parseRange(value) : undefined;
    if (typeof value === 'string' && range !== undefined) return void found.push({ range, text: value });
    section.collector.fault(section.document, [...section.path, ...path], {
      message: `${describe(value)} is no IP address and no range`,
      boshCode: badRangeCode,
      suggestion: 'write 10.0.0.5, 10.0.0.5-10.0.0.9 or 10.0.0.0/28',
    });
  };
  read(section.raw(key) ?? null, [key]);
  return found;
}

/** `dns`: single addresses. Null: not given. */
export function readNameServers(section: Section): string[] | null {
  if (!section.has('dns')) return null;
  return section.optionalList('dns').flatMap((server, i) => {
    const cidr = typeof server === 'string' ? parseCidr(server) : undefined;
    if (cidr !== undefined && rangeSize(cidr) === 1n) return [formatIp({ family: cidr.family, n: cidr.first })];
    section.collector.fault(section.document, [...section.path, 'dns', i], {
      message: `a name server must be one IP address, but it is ${describe(server)}`,
      boshCode: 160004,
    });
    return [];
  });
}

/** Texts from a setting of our own, which are addresses or ranges. @throws Error when one isn't */
export function rangesOf(texts: readonly string[]): IpSet {
  return IpSet.of(texts);
}

export function isIp(text: string): boolean {
  return parseIp(text) !== undefined;
}
