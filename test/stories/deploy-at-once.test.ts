import { afterEach, beforeEach, expect, test } from 'vitest';
import type { VirtualClock } from '../../common/clock.ts';
import { cloudConfigOf, givenDirector, webTier } from '../support/given-director.ts';
import { patientClock } from '../support/real-work.ts';

// Two people deploy the same deployment at the same time.

let director: Awaited<ReturnType<typeof givenDirector>>;
let clock: VirtualClock;
beforeEach(async () => {
  clock = patientClock();
  director = await givenDirector({ clock });
  await director.upload();
  await director.uploadStemcell();
  await director.cloudConfig(cloudConfigOf());
});
afterEach(() => clock.runUntil(director.close()));

const wait = (ms: number) => clock.runUntil(clock.sleep(ms));
const begin = () => clock.runUntil(director.enqueue(webTier({ instances: 1 })));

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

test('a plan waits for nobody: it tells of the deploy that is under way, and leaves it alone', async () => {
  const goOn = director.cpi.faults.hang('createVm');
  const first = await begin();
  await wait(1000);

  const plan = await clock.runUntil(director.enqueue(webTier({ instances: 2 }), { dryRun: true }));
  await wait(1000);
  expect(await director.store.tasks.get(plan.id)).toMatchObject({ state: 'done' });
  const events = await director.output(plan, 'event');
  expect(events).toContain('create web/new (1)');
  expect(events).toContain(`Task ${first.id} (create deployment) is at work on this deployment`);

  goOn();
  expect(await clock.runUntil(director.ended(first))).toMatchObject({ state: 'done' });
  const alone = await clock.runUntil(director.deploy(webTier({ instances: 2 }), { dryRun: true }));
  expect(alone.events).not.toContain('is at work');
});

test('the second one that waits less than the limit runs when the first is done', async () => {
  const goOn = director.cpi.faults.hang('createVm');
  const [first, second] = [await begin(), await begin()];
  await wait(5000);
  goOn();
  expect(await clock.runUntil(director.ended(first))).toMatchObject({ state: 'done' });
  expect(await clock.runUntil(director.ended(second))).toMatchObject({ state: 'done' });
  expect(director.cpi.inventory().vms).toHaveLength(1);
});
