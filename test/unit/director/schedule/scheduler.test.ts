import { afterEach, beforeEach, expect, test } from 'vitest';
import { VirtualClock } from '../../../../common/clock.ts';
import { silentLog } from '../../../../common/log.ts';
import { Scheduler, type ScheduledJob } from '../../../../director/schedule/scheduler.ts';
import { openStore } from '../../../../director/store/open-store.ts';
import type { Store } from '../../../../director/store/store.ts';
import type { NewTask } from '../../../../director/store/tasks.ts';

const minuteMs = 60_000;
let clock: VirtualClock;
let store: Store;
let enqueued: Array<NewTask & { atMs: number }>;
let schedulers: Scheduler[];

beforeEach(async () => {
  clock = new VirtualClock(Date.UTC(2030, 0, 1, 0, 0, 30));
  store = await openStore({ kind: 'sqlite', path: ':memory:' }, { clock, log: silentLog });
  enqueued = [];
  schedulers = [];
});
afterEach(async () => {
  for (const scheduler of schedulers) scheduler.stop();
  await store.close();
});

const job = (schedule: string, more: Partial<ScheduledJob> = {}): ScheduledJob => ({
  name: 'tidy',
  schedule,
  task: { type: 'tidy', description: 'tidy up', args: { a: 1 } },
  hasWork: () => Promise.resolve(true),
  ...more,
});

function director(...jobs: ScheduledJob[]): Scheduler {
  const tasks = { enqueue: (task: NewTask) => Promise.resolve(void enqueued.push({ ...task, atMs: clock.now() })) };
  const scheduler = new Scheduler({ store, tasks, clock, log: silentLog }, jobs);
  schedulers.push(scheduler);
  return scheduler;
}
const pass = (ms: number) => clock.runUntil(clock.sleep(ms));
const times = () => enqueued.map(({ atMs }) => new Date(atMs).toISOString().slice(11, 19));

test('a job is done at its times, by the scheduler; with six fields the first is seconds', async () => {
  director(job('*/5 * * * *'), job('15 0 * * * *', { name: 'hourly' }));
  await pass(61 * minuteMs);
  expect(times().slice(0, 3)).toEqual(['00:05:00', '00:10:00', '00:15:00']);
  expect(times()).toContain('01:00:15');
  expect(enqueued).toHaveLength(13);
  expect(enqueued[0]).toMatchObject({ type: 'tidy', description: 'tidy up', args: { a: 1 }, user: 'scheduler' });
});

test('of several directors one does it', async () => {
  director(job('*/5 * * * *'));
  director(job('*/5 * * * *'));
  await pass(11 * minuteMs);
  expect(times()).toEqual(['00:05:00', '00:10:00']);
});

test('without work nothing is done, and looking for it may fail: the next time comes all the same', async () => {
  const answers = [() => Promise.resolve(false), () => Promise.reject(new Error('no database'))];
  director(job('*/5 * * * *', { hasWork: () => (answers.shift() ?? (() => Promise.resolve(true)))() }));
  await pass(16 * minuteMs);
  expect(times()).toEqual(['00:15:00']);
});

test('what was missed while no director ran is not piled up', async () => {
  director(job('*/5 * * * *')).stop();
  await pass(58 * minuteMs);
  expect(enqueued).toEqual([]);
  director(job('*/5 * * * *'));
  await pass(3 * minuteMs);
  expect(times()).toEqual(['01:00:00']);
});

test('what is no schedule is told by its name', () => {
  expect(() => director(job('every day'))).toThrow(/schedule of tidy, "every day", cannot be read/);
});
