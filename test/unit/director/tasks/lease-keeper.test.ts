import { expect, test } from 'vitest';
import { VirtualClock } from '../../../../common/clock.ts';
import { silentLog } from '../../../../common/log.ts';
import type { Store } from '../../../../director/store/store.ts';
import { LeaseKeeper } from '../../../../director/tasks/lease-keeper.ts';
import { firstTask, gate } from '../../../support/task-world.ts';

const leaseMs = 60_000;

/** A keeper and the renewals that it asks for, each of which is answered when the test says so. */
function given() {
  const clock = new VirtualClock();
  const startMs = clock.now();
  const asked: Array<{ atMs: number; answer: (with_: 'held' | 'lost' | Error) => void }> = [];
  const lost: string[] = [];
  const store = {
    tasks: {
      renew: async (_lease: unknown, { nowMs }: { nowMs: number }) => {
        const { opened, open } = gate<'held' | 'lost' | Error>();
        asked.push({ atMs: nowMs, answer: open });
        const answer = await opened;
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
    locks: { renewAll: () => Promise.resolve() },
  } as unknown as Store; // all that a keeper asks of it
  const keeper = new LeaseKeeper({
    store,
    lease: { taskId: firstTask, owner: 'one', fence: 1 },
    leaseMs,
    clock,
    log: silentLog,
    onCancel: () => expect.unreachable(),
    onLost: ({ code }) => lost.push(code),
  });
  const times = () => asked.map(({ atMs }) => (atMs - startMs) / 1000);
  const answer = (what: 'held' | 'lost' | Error) => asked.at(-1)?.answer(what);
  const passes = (ms: number) => clock.runUntil(clock.sleep(ms));
  return { keeper, times, answer, lost, passes };
}

test('a renewal that was under way when the process stood still is not believed', async () => {
  const { keeper, times, answer, lost, passes } = given();
  await passes(200_000); // asked at 20 s, for the time until 80 s
  const checked = keeper.check();
  answer('held');
  await expect.poll(times).toEqual([20, 200]);
  answer('lost');
  await expect(checked).rejects.toMatchObject({ code: 'lease-lost' });
  expect(lost).toEqual(['lease-lost']);
});

test('one that is renewed late after all lasts', async () => {
  const { keeper, times, answer, lost, passes } = given();
  await passes(200_000);
  const checked = keeper.check();
  answer('held');
  await expect.poll(times).toEqual([20, 200]);
  answer('held');
  await checked;
  await keeper.check();
  expect(times()).toEqual([20, 200]);
  expect(lost).toEqual([]);
});

test('a renewal that fails when the time is over is a loss: it is not asked for again', async () => {
  const { keeper, times, answer, lost, passes } = given();
  await passes(200_000);
  const checked = keeper.check();
  answer(new Error('the database is away'));
  await expect(checked).rejects.toMatchObject({ code: 'lease-lost' });
  await passes(200_000);
  expect(times()).toEqual([20]);
  expect(lost).toEqual(['lease-lost']);
});

test('one whose task is over vouches for no call that comes later', async () => {
  const { keeper, lost } = given();
  await keeper.check();
  keeper.stop();
  await expect(keeper.check()).rejects.toMatchObject({ code: 'lease-lost' });
  expect(lost).toEqual([]);
});
