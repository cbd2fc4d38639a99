import { expect, test } from 'vitest';
import { VirtualClock } from '../../../../common/clock.ts';
import { besideOthers } from '../../../../director/deploy/beside-others.ts';
import type { TaskContext } from '../../../../director/tasks/task-context.ts';

const lock = 'lock:deployment:web';

/** As far as it is asked. */
function given() {
  const held: Array<{ name: string; taskId: number }> = [];
  const warnings: string[] = [];
  const task = {
    store: {
      locks: { list: () => Promise.resolve(held) },
      tasks: { get: (id: number) => Promise.resolve(id === 7 ? { description: 'create deployment' } : undefined) },
    },
    events: { warning: (message: string) => void warnings.push(message) },
  } as unknown as TaskContext;
  return {
    held,
    warnings,
    beside: (work: () => Promise<string>) => besideOthers(lock, { task, clock: new VirtualClock() }, work),
  };
}

test('who is alone is told nothing', async () => {
  const { held, warnings, beside } = given();
  held.push({ name: 'lock:deployment:other', taskId: 7 });
  expect(await beside(() => Promise.resolve('plan'))).toBe('plan');
  expect(warnings).toEqual([]);
});

test('a deploy that was there before is told once, one that came meanwhile afterwards', async () => {
  const before = given();
  before.held.push({ name: lock, taskId: 7 });
  await before.beside(() => Promise.resolve('plan'));
  expect(before.warnings).toEqual([
    expect.stringContaining('Task 7 (create deployment) is at work on this deployment'),
  ]);

  const { held, warnings, beside } = given();
  await beside(() => Promise.resolve(String(held.push({ name: lock, taskId: 8 }))));
  expect(warnings).toEqual([expect.stringMatching(/^Task 8 is at work .*`bosh task 8`/)]);
});
