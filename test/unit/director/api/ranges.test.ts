import { expect, test } from 'vitest';
import { parseRange } from '../../../../director/api/http/ranges.ts';

test.each([
  ['bytes=0-', { from: 0, to: 99 }],
  ['bytes=40-', { from: 40, to: 99 }],
  ['bytes=40-49', { from: 40, to: 49 }],
  ['bytes=40-1000', { from: 40, to: 99 }],
  ['bytes=-10', { from: 90, to: 99 }],
  ['bytes=-1000', { from: 0, to: 99 }],
  ['bytes=100-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=5-2', 'everything'],
  ['bytes=0-1,5-9', 'everything'],
  ['bytes=0-1, 200-', { from: 0, to: 1 }],
  ['bytes=x-', 'everything'],
  ['bytes=-', 'everything'],
  ['lines=0-', 'everything'],
  [undefined, 'everything'],
] as const)('%s of 100 bytes', (header, expected) => {
  expect(parseRange(header, 100)).toEqual(expected);
});

test('of nothing, everything is nothing', () => {
  expect(parseRange('bytes=0-', 0)).toBe('everything');
});
