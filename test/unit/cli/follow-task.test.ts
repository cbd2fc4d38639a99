import { expect, test } from 'vitest';
import { VirtualClock } from '../../../common/clock.ts';
import type { DirectorClient } from '../../../cli/director-client.ts';
import { followTask } from '../../../cli/follow-task.ts';

const reporter = { started: () => {}, output: () => {}, finished: () => {} };

test('who loses sight of a task is told that it goes on, and how to find it again', async () => {
  const clock = new VirtualClock();
  const states = ['processing'];
  const client = {
    get: () => {
      const state = states.shift();
      return state === undefined
        ? Promise.reject(new Error('connect ECONNREFUSED'))
        : Promise.resolve({ id: 7, state });
    },
    attempt: () => Promise.resolve({ status: 204 }),
  } as unknown as DirectorClient; // what following a task asks of it
  const over: number[] = [];
  const following = (id: number) => () => void over.push(id);
  const followed = followTask(7, 'event', { client, reporter, clock, following });
  const failed = expect(followed).rejects.toThrow(/ECONNREFUSED\nTask 7 goes on.*`gantry task 7`/);
  await clock.advance(1_000);
  await failed;
  expect(over).toEqual([7]);
});

test('a task that failed is not said to go on', async () => {
  const client = {
    get: () => Promise.resolve({ id: 7, state: 'error' }),
    attempt: () => Promise.resolve({ status: 204 }),
  } as unknown as DirectorClient; // as above
  const failed = followTask(7, 'event', { client, reporter, clock: new VirtualClock() });
  await expect(failed).rejects.toThrow(/^Expected task '7' to succeed but state is 'error'$/);
});
