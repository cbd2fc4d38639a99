import { expect, test } from 'vitest';
import { inParallel } from '../../../../director/execute/in-parallel.ts';

const thousand = Array.from({ length: 1_000 }, (_, n) => n);

test('others have their turn while a thousand begin at once', async () => {
  let begun = 0;
  const begunAtTurns: number[] = [];
  const turn = setInterval(() => begunAtTurns.push(begun), 0);
  const all = inParallel(thousand, 1_000, async () => {
    begun++;
    if (begun % 100 === 0) busy(2); // so that the timer is due
    await new Promise((resolve) => setImmediate(resolve));
  });
  await all;
  clearInterval(turn);
  expect(begun).toBe(1_000);
  expect(begunAtTurns.filter((count) => count < 1_000).length).toBeGreaterThan(0);
});

test('after a failure nothing new begins, also while many are about to', async () => {
  const begun: number[] = [];
  const failing = inParallel(thousand, 1_000, async (n) => {
    begun.push(n);
    if (n === 50) throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(begun.length).toBeLessThan(1_000);
});

test('never more at a time than may', async () => {
  let running = 0;
  let most = 0;
  await inParallel(thousand, 7, async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
  });
  expect(most).toBe(7);
});

function busy(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}
