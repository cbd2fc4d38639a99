import fc from 'fast-check';
import { Address6 } from 'ip-address';
import { isIPv4, isIPv6 } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  blocksOf,
  canonicalIp,
  formatCidr,
  formatIp,
  netmaskOf,
  parseCidr,
  parseIp,
  parseRange,
  rangeSize,
} from '../../../manifests/ip.ts';

const anyV6 = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n });

describe('an address', () => {
  test.each(['10.0.0.1', '255.255.255.255', '0.0.0.0', '::', '::1', 'fd00::a:0:0:1', '2001:db8::'])(
    '%s is one',
    (text) => {
      expect(canonicalIp(text)).toBe(text);
    },
  );

  test.each(['', '10.0.0', '10.0.0.256', '010.0.0.1', '10.0.0.1 ', '1::2::3', ':::', 'fe80::1%eth0', '12345::', 'x'])(
    '"%s" is none',
    (text) => {
      expect(parseIp(text)).toBeUndefined();
    },
  );

  test('is what Node takes for one, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{1,20}$/)), (text) => {
        expect(parseIp(text) !== undefined).toBe(isIPv4(text) || isIPv6(text));
      }),
    );
  });

  test('of IPv6 is read and written as by others', () => {
    fc.assert(
      fc.property(anyV6, (n) => {
        const text = formatIp({ family: 6, n });
        expect(parseIp(text)).toEqual({ family: 6, n });
        expect(new Address6(text).bigInt()).toBe(n);
      }),
    );
  });

  test('of IPv4 inside of IPv6 shows its dots', () => {
    expect(canonicalIp('::ffff:10.0.0.1')).toBe('::ffff:10.0.0.1');
    expect(canonicalIp('::ffff:a00:1')).toBe('::ffff:10.0.0.1');
  });
});

describe('a range', () => {
  test('is an address, a CIDR, or two ends', () => {
    const size = (text: string) => rangeSize(parseRange(text) ?? { family: 4, first: 0n, last: -1n });
    expect(size('10.0.0.1')).toBe(1n);
    expect(size('10.0.0.0/24')).toBe(256n);
    expect(size('10.0.0.1-10.0.0.9')).toBe(9n);
    expect(size('10.0.0.1 - 10.0.0.9')).toBe(9n);
    expect(size('fd00::/64')).toBe(1n << 64n);
  });

  test.each(['10.0.0.9-10.0.0.1', '10.0.0.1-fd00::1', '10.0.0.1-10.0.0.2-10.0.0.3', '10.0.0.0/33', '10.0.0.0/', 'a-b'])(
    '"%s" is none',
    (text) => {
      expect(parseRange(text)).toBeUndefined();
    },
  );

  test('of a CIDR begins at its network, whatever its host bits', () => {
    const cidr = parseCidr('10.0.5.77/22');
    expect(cidr && formatCidr(cidr)).toBe('10.0.4.0/22');
    expect(cidr && netmaskOf(cidr)).toBe('255.255.252.0');
  });

  test('has an IPv6 netmask with all of its digits', () => {
    const cidr = parseCidr('fd00::/64');
    expect(cidr && netmaskOf(cidr)).toBe('ffff:ffff:ffff:ffff:0000:0000:0000:0000');
  });

  test('is made up of the fewest blocks', () => {
    const range = parseRange('10.0.0.3-10.0.0.16');
    expect(range && blocksOf(range).map(formatCidr)).toEqual([
      '10.0.0.3/32',
      '10.0.0.4/30',
      '10.0.0.8/29',
      '10.0.0.16/32',
    ]);
  });
});
