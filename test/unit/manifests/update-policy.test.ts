import { expect, test } from 'vitest';
import {
  canariesOf,
  formatAmount,
  maxInFlightOf,
  parseAmount,
  type UpdatePolicy,
} from '../../../manifests/update-policy.ts';

const policy = (canaries: string, maxInFlight: string) =>
  ({ canaries: parseAmount(canaries), maxInFlight: parseAmount(maxInFlight) }) as UpdatePolicy; // the rest isn't looked at

test.each([
  ['3', 2, 3],
  ['0', 9, 0],
  ['-1', 9, 0],
  ['50%', 5, 2],
  ['10%', 9, 0],
  ['300%', 4, 4],
])('%s canaries of %i are %i', (canaries, size, expected) => {
  expect(canariesOf(policy(canaries, '1'), size)).toBe(expected);
});

test.each([
  ['0', 9, 1],
  ['10%', 9, 1],
  ['20%', 10, 2],
])('%s in flight of %i are %i, and never none', (maxInFlight, size, expected) => {
  expect(maxInFlightOf(policy('1', maxInFlight), size)).toBe(expected);
});

test('an amount is a number or a percentage', () => {
  for (const text of ['', 'x', '1.5', '5 %', '-5%']) expect(parseAmount(text)).toBeUndefined();
  expect(['3', '20%'].map((text) => parseAmount(text)).map((amount) => amount && formatAmount(amount))).toEqual([
    '3',
    '20%',
  ]);
});
