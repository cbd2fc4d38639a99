import { expect, test } from 'vitest';
import { mapInTurns } from '../../../common/in-turns.ts';

test('a long list is gone through in its order, and others have their turn meanwhile', async () => {
  const seen: Array<number | 'other'> = [];
  const others = setInterval(() => seen.push('other'), 0);
  const endMs = performance.now() + 20;
  setImmediate(() => {
    while (performance.now() < endMs); // so that the timer is due
  });
  const results = await mapInTurns(
    Array.from({ length: 1_000 }, (_, n) => n),
    (item, at) => {
      seen.push(item);
      return item * 2 + at;
    },
  );
  clearInterval(others);
  expect(results).toEqual(Array.from({ length: 1_000 }, (_, n) => n * 3));
  expect(seen.indexOf('other')).toBeGreaterThan(0);
  expect(seen.indexOf('other')).toBeLessThan(999);
});

test('a short list is gone through at once', async () => {
  let turns = 0;
  setImmediate(() => turns++);
  expect(await mapInTurns(['a', 'b'], (item) => item.toUpperCase())).toEqual(['A', 'B']);
  expect(turns).toBe(0);
});
