import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IpSet, lowestFree } from '../../../manifests/ip-set.ts';
import { formatIp, parseRange, type IpRange } from '../../../manifests/ip.ts';

const range = (text: string): IpRange => {
  const parsed = parseRange(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

describe('a set of addresses', () => {
  test('is what was added and not removed, whatever the order', () => {
    const step = fc.record({ add: fc.boolean(), from: fc.nat(60), size: fc.nat(8) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const set = new IpSet();
        const expected = new Set<number>();
        for (const { add, from, size } of steps) {
          const part: IpRange = { family: 4, first: BigInt(from), last: BigInt(from + size) };
          if (add) set.add(part);
          else set.remove(part);
          for (let n = from; n <= from + size; n++)
            if (add) expected.add(n);
            else expected.delete(n);
        }
        for (let n = 0; n <= 70; n++) expect(set.has({ family: 4, n: BigInt(n) })).toBe(expected.has(n));
        expect(set.size).toBe(BigInt(expected.size));
        const ranges = set.ranges(); // sorted, and neither overlapping nor touching
        for (const [i, one] of ranges.entries()) expect(one.first > (ranges[i - 1]?.last ?? -2n) + 1n).toBe(true);
      }),
    );
  });

  test('keeps the families apart', () => {
    const set = IpSet.of(['::/120', '10.0.0.0/30']);
    expect(set.has('0.0.0.1')).toBe(false);
    expect(set.has('::1')).toBe(true);
    expect(set.has('nonsense')).toBe(false);
  });
});

describe('the lowest free address', () => {
  test('is the first that nothing blocks', () => {
    const restricted = IpSet.of(['10.0.0.0', '10.0.0.1', '10.0.0.255']);
    const taken = IpSet.of(['10.0.0.2-10.0.0.9', '10.0.0.11']);
    expect(lowestFree(range('10.0.0.0/24'), [restricted, taken])).toBe('10.0.0.10');
  });

  test('is none when all are blocked', () => {
    expect(lowestFree(range('10.0.0.0/30'), [IpSet.of(['10.0.0.0/24'])])).toBeUndefined();
  });

  test('of blocks begins where a whole block is free', () => {
    const restricted = IpSet.of(['10.0.0.0', '10.0.0.20']);
    expect(lowestFree(range('10.0.0.0/24'), [restricted], 28)).toBe('10.0.0.32');
    expect(lowestFree(range('10.0.0.0/28'), [restricted], 28)).toBeUndefined();
  });

  test('is the same as by trying one after the other', () => {
    const blocked = fc.array(fc.record({ from: fc.nat(60), size: fc.nat(9) }), { maxLength: 12 });
    fc.assert(
      fc.property(blocked, blocked, fc.integer({ min: 28, max: 32 }), (a, b, prefix) => {
        const set = (parts: typeof a) =>
          IpSet.of(parts.map(({ from, size }) => ({ family: 4, first: BigInt(from), last: BigInt(from + size) })));
        const sets = [set(a), set(b)];
        const size = 1 << (32 - prefix);
        let expected: string | undefined;
        for (let n = 0; n + size <= 64 && expected === undefined; n += size) {
          const free = Array.from({ length: size }, (_, i) => ({ family: 4, n: BigInt(n + i) }) as const);
          if (free.every((ip) => !sets.some((one) => one.has(ip)))) expected = formatIp({ family: 4, n: BigInt(n) });
        }
        expect(lowestFree(range('0.0.0.0/26'), sets, prefix)).toBe(expected);
      }),
    );
  });

  test('is found ten thousand times in a /8 without a pause', () => {
    const within = range('10.0.0.0/8');
    const restricted = IpSet.of(['10.0.0.0-10.0.0.10', '10.255.255.255']);
    const taken = new IpSet();
    // Every second address of the first thousands is taken already, so that there are many ranges to step over.
    for (let n = 0; n < 5_000; n++) taken.add(range(formatIp({ family: 4, n: (10n << 24n) + BigInt(n * 2) })));
    const before = process.cpuUsage(); // not the clock: others use the machine too
    let last: string | undefined;
    for (let i = 0; i < 10_000; i++) {
      last = lowestFree(within, [restricted, taken]);
      if (last !== undefined) taken.add(range(last));
    }
    expect(last).toBe('10.0.58.156');
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(2_000);
  });
});
