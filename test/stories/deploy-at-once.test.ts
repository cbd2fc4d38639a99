import { afterEach, beforeEach, expect, test } from 'vitest';
import { VirtualClock } from '../../common/clock.ts';
import { cloudConfigOf, givenDirector, webTier } from '../support/given-director.ts';

// Two people deploy the same deployment at the same time.

let director: Awaited<ReturnType<typeof givenDirector>>;
let clock: VirtualClock;
beforeEach(async () => {
  clock = new VirtualClock();
  director = await givenDirector({ clock });
  await director.upload();
  await director.uploadStemcell();
  await director.cloudConfig(cloudConfigOf());
});
afterEach(() => clock.runUntil(director.close()));

const wait = (ms: number) => clock.runUntil(clock.sleep(ms));
const begin = () => clock.runUntil(director.enqueue(webTier({ instances: 1 })));

/** Archives are packed in threads, in real time: the clock must not run through the 10 s of whoever waits meanwhile. */
async function slowly<T>(work: Promise<T>): Promise<T> {
  let done = false;
  const finished = work.finally(() => (done = true));
  while (!done) {
    await clock.advance(2);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return finished;
}

test('the second one is told who holds the lock; a third that waits can be cancelled; the first goes on', async () => {
  const goOn = director.cpi.faults.hang('createVm');
  const first = await begin();
  await wait(1000);
  // It may compile already, which is locked too.
  expect(await director.store.locks.list(clock.now())).toContainEqual(
    expect.objectContaining({ name: 'lock:deployment:web', taskId: first.id }),
  );

  const second = await begin();
  await wait(11_000);
  expect(await director.store.tasks.get(second.id)).toMatchObject({ state: 'error' });
  expect(await director.output(second, 'event')).toContain(
    `task ${second.id} waited 10 s for lock:deployment:web, held by task ${first.id} (create deployment)`,
  );
  expect(await director.output(second, 'event')).toContain(`bosh cancel-task ${first.id}`);

  const third = await begin();
  await wait(1000);
  await clock.runUntil(director.engine.cancel(third.id));
  await wait(1000);
  expect(await director.store.tasks.get(third.id)).toMatchObject({ state: 'cancelled' });

  goOn();
  expect(await clock.runUntil(director.ended(first))).toMatchObject({ state: 'done' });
  expect(await director.store.locks.list(clock.now())).toEqual([]);
});

test('the second one that waits less than the limit runs when the first is done', async () => {
  const goOn = director.cpi.faults.hang('createVm');
  const [first, second] = [await begin(), await begin()];
  await wait(5000);
  goOn();
  expect(await slowly(director.ended(first))).toMatchObject({ state: 'done' });
  expect(await clock.runUntil(director.ended(second))).toMatchObject({ state: 'done' });
  expect(director.cpi.inventory().vms).toHaveLength(1);
});
