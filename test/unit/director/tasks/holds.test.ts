import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Clock } from '../../../../common/clock.ts';
import { silentLog } from '../../../../common/log.ts';
import { TaskEngine } from '../../../../director/tasks/engine.ts';
import { embeddedWaker } from '../../../../director/tasks/waker.ts';
import { gate, newTask, taskWorld } from '../../../support/task-world.ts';

// A process that stood still wakes in the middle of a task, and its timers have not yet told it how late it is.

let world: Awaited<ReturnType<typeof taskWorld>>;
let sleeper: TaskEngine;
/** What each attempt was told when it was about to call somebody. */
let told: string[];
let wake: ReturnType<typeof gate<void>>;

beforeEach(async () => {
  [told, wake] = [[], gate()];
  world = await taskWorld({
    call: async (context) => {
      const { task } = context;
      if (task.attempts === 1) await wake.opened;
      await context.holds().then(
        () => told.push(`attempt ${task.attempts} calls`),
        (thrown: { code: string }) => {
          told.push(`attempt ${task.attempts}: ${thrown.code}`);
          throw thrown;
        },
      );
      return null;
    },
  });
  const { clock, store } = world;
  const still: Clock = {
    now: () => clock.now(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    after: () => ({ cancel: () => {} }), // nothing fires while it stands still
  };
  const handlers = world.handlers;
  sleeper = new TaskEngine(
    { store, clock: still, log: silentLog, waker: embeddedWaker(), handlers },
    { owner: 'sleeper', alone: false, recordEvents: false },
  );
});
afterEach(async () => {
  await sleeper.stop({ graceMs: 0 });
  await world.close();
});

test('one whose task was taken over is told before it calls anybody', async () => {
  await sleeper.start();
  const { id } = await sleeper.enqueue(newTask('call'));
  await world.reaches(id, 'processing');
  const other = world.engine('other');
  await other.start();
  expect(await world.reaches(id, 'done')).toMatchObject({ attempts: 2 });
  wake.open();
  await sleeper.idle();
  expect(told).toEqual(['attempt 2 calls', 'attempt 1: lease-lost']);
});

test('one that was asked to cancel before it stood still is told, too', async () => {
  await sleeper.start();
  const { id } = await sleeper.enqueue(newTask('call'));
  await world.reaches(id, 'processing');
  await sleeper.cancel(id);
  const other = world.engine('other');
  await other.start();
  await world.reaches(id, 'cancelled');
  wake.open();
  await sleeper.idle();
  expect(told).toEqual(['attempt 1: lease-lost']);
});

test('one that was given back, since it did not end when its director stopped, calls nobody any more', async () => {
  const stopping = world.engine('stopping');
  await stopping.start();
  const { id } = await stopping.enqueue(newTask('call'));
  await world.reaches(id, 'processing');
  await world.clock.runUntil(stopping.stop({ graceMs: 0 }));
  expect(await world.task(id)).toMatchObject({ state: 'queued' });
  wake.open();
  await expect.poll(() => told).toEqual(['attempt 1: lease-lost']);
});

test('one whose task nobody has taken renews its lease, calls, and does not take its own task again', async () => {
  await sleeper.start();
  const { id } = await sleeper.enqueue(newTask('call'));
  await world.clock.runUntil(world.clock.sleep(120_000));
  wake.open();
  await sleeper.idle();
  expect(told).toEqual(['attempt 1 calls']);
  expect(await world.task(id)).toMatchObject({ state: 'done', attempts: 1 });
});
