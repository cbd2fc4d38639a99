import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TaskId, taskId } from '../../common/ids.ts';
import type { Lease } from '../../director/store/lease.ts';
import type { Store } from '../../director/store/store.ts';
import type { Task } from '../../director/store/tasks.ts';
import { newTask } from '../support/task-world.ts';
import type { GivenStore } from './store.contract.ts';

/** What every store promises to workers: tasks, leases, locks and output, with two directors at the same time. */
export function queueContract(name: string, given: () => Promise<GivenStore>): void {
  describe(`queue: ${name}`, () => {
    let store: Store;
    let second: Store;
    let close: () => Promise<void>;
    const leaseMs = 1000;
    beforeAll(async () => ({ store, second, close } = await given()));
    afterAll(() => close());
    beforeEach(async () => {
      for (const task of await store.tasks.list({ states: ['queued', 'processing', 'cancelling'] })) await end(task.id);
      await store.tasks.prune(0);
    });

    /** Whoever has it, and whatever it does. */
    async function end(id: TaskId): Promise<void> {
      const farMs = 1e13;
      while ((await store.tasks.get(id))?.finishedAtMs === null) {
        const claimed = await claim(store, farMs);
        await store.tasks.finish(claimed.lease, { state: 'done', result: null, nowMs: farMs });
      }
    }

    async function claim(from: Store, nowMs: number, owner = 'a'): Promise<{ task: Task; lease: Lease }> {
      const claimed = await from.tasks.claim({ owner, lanes: ['urgent', 'normal'], leaseMs, nowMs });
      if (claimed === undefined) throw new Error('nothing to claim');
      return claimed;
    }

    test('a task comes back as it was made, with what a claim and an end add', async () => {
      const made = await store.tasks.create(
        newTask('update_deployment', { args: { 'a b': [1, null, 'ü'] }, teams: ['b', 'a', 'a'], contextId: 'c' }),
        1000,
      );
      expect(await store.tasks.get(made.id)).toEqual(made);
      expect(made).toMatchObject({ state: 'queued', attempts: 0, startedAtMs: null, teams: ['b', 'a', 'a'] });

      const { task, lease } = await claim(store, 2000);
      expect(task).toMatchObject({ id: made.id, state: 'processing', startedAtMs: 2000, attempts: 1 });
      await store.tasks.finish(lease, { state: 'done', result: '/deployments/x', nowMs: 3000 });
      const ended = { ...task, state: 'done', result: '/deployments/x', finishedAtMs: 3000 };
      expect(await store.tasks.get(made.id)).toEqual(ended);
      await expect(store.tasks.finish(lease, { state: 'error', result: null, nowMs: 1 })).rejects.toMatchObject({
        code: 'lease-lost',
      });
      expect(await store.tasks.get(taskId(2 ** 40))).toBeUndefined();
    });

    test('urgent tasks first, then the oldest, and each to one worker only, however many ask at once', async () => {
      const made = [];
      for (let i = 0; i < 20; i++) {
        made.push(await store.tasks.create(newTask('t', { lane: i === 15 ? 'urgent' : 'normal' }), 0));
      }
      expect((await claim(store, 1)).task.id).toBe(made[15]?.id);
      expect((await claim(second, 1)).task.id).toBe(made[0]?.id);

      const claims = Array.from({ length: 30 }, (_, i) =>
        (i % 2 === 0 ? store : second).tasks.claim({ owner: `w${i}`, lanes: ['normal'], leaseMs, nowMs: 1 }),
      );
      const ids = (await Promise.all(claims)).filter((one) => one !== undefined).map((one) => one.task.id);
      expect(ids.sort((a, b) => a - b)).toEqual(made.map((task) => task.id).filter((_, i) => i !== 15 && i !== 0));
    });

    test('a lease that runs out lets another worker in, with a higher fence; the former can write nothing', async () => {
      const { id } = await store.tasks.create(newTask('t'), 0);
      const first = await claim(store, 0, 'a');
      expect(await store.tasks.renew(first.lease, { leaseMs, nowMs: 900 })).toBe('held');
      expect(await second.tasks.claim({ owner: 'b', lanes: ['normal'], leaseMs, nowMs: 1899 })).toBeUndefined();
      const next = await claim(second, 1900, 'b');
      expect(next).toMatchObject({ task: { id, attempts: 2 }, lease: { fence: first.lease.fence + 1 } });

      expect(await store.tasks.renew(first.lease, { leaseMs, nowMs: 1901 })).toBe('lost');
      const fenced = store.fencedBy(first.lease);
      for (const write of [
        () => fenced.setAttribute('who', 'a'),
        () => fenced.tasks.appendOutput(id, 'event', Buffer.from('late')),
        () => fenced.tasks.finish(first.lease, { state: 'done', result: null, nowMs: 2000 }),
        () => fenced.locks.acquire('lock:x', first.lease, { lockMs: 1, nowMs: 2000 }),
        () => store.locks.release('lock:x', first.lease),
        () => fenced.atomically((inside) => inside.setAttribute('who', 'a')),
      ]) {
        await expect(write()).rejects.toMatchObject({ code: 'lease-lost' });
      }
      expect(await store.attribute('who')).toBeUndefined();
      expect(await store.tasks.output(id, 'event', { from: 0, bytesMax: 100 })).toBeUndefined();
    });

    test('a task is given back without an attempt, and leases of a former run of the process can be ended', async () => {
      const { id } = await store.tasks.create(newTask('t'), 0);
      const { lease } = await claim(store, 0);
      await store.tasks.giveBack(lease);
      expect(await store.tasks.get(id)).toMatchObject({ state: 'queued', attempts: 0 });

      await claim(store, 1, 'former');
      expect(await store.tasks.expireLeasesOf({ notOwner: 'former' }, 2)).toBe(0);
      expect(await store.tasks.expireLeasesOf({ notOwner: 'now' }, 2)).toBe(1);
      expect((await claim(store, 2, 'now')).task.attempts).toBe(2);
    });

    test('cancelling: a waiting task ends, a running one hears of it at its next renewal, an ended one stays', async () => {
      const waiting = await store.tasks.create(newTask('t'), 0);
      expect(await store.tasks.requestCancel(waiting.id, 7)).toBe(true);
      expect(await store.tasks.get(waiting.id)).toMatchObject({ state: 'cancelled', finishedAtMs: 7 });
      expect(await store.tasks.requestCancel(waiting.id, 8)).toBe(false);

      await store.tasks.create(newTask('t'), 0);
      const { task, lease } = await claim(store, 0);
      expect(await second.tasks.requestCancel(task.id, 1)).toBe(true);
      expect(await second.tasks.requestCancel(task.id, 1)).toBe(false);
      expect(await store.tasks.renew(lease, { leaseMs, nowMs: 2 })).toBe('cancel');
      expect((await claim(second, 9999, 'b')).task.state).toBe('cancelling'); // whoever takes it over knows as well
    });

    test('one task holds a lock; it passes on with the end, and then the former holder has lost its lease', async () => {
      await store.tasks.create(newTask('t'), 0);
      await store.tasks.create(newTask('t'), 0);
      const a = await claim(store, 0, 'a');
      const b = await claim(second, 0, 'b');
      const times = (nowMs: number) => ({ lockMs: 100, nowMs });
      const name = 'lock:deployment:web';
      const both = await Promise.all([
        store.locks.acquire(name, a.lease, times(0)),
        second.locks.acquire(name, b.lease, times(0)),
      ]);
      expect(both.filter(Boolean)).toHaveLength(1);
      const [winner, loser] = both[0] ? [a, b] : [b, a];
      expect(await store.locks.list(50)).toEqual([{ name, taskId: winner.task.id, untilMs: 100 }]);
      expect(await store.locks.acquire(name, winner.lease, times(50))).toBe(true);
      await store.locks.renewAll(winner.lease, times(60));
      expect(await store.locks.acquire(name, loser.lease, times(159))).toBe(false);

      // The winner's process was asleep: its time ran out, though nobody has claimed its task.
      expect(await store.locks.acquire(name, loser.lease, times(160))).toBe(true);
      await expect(store.fencedBy(winner.lease).setAttribute('x', 'y')).rejects.toMatchObject({ code: 'lease-lost' });
      await store.tasks.finish(loser.lease, { state: 'done', result: null, nowMs: 170 });
      expect(await store.locks.list(170)).toEqual([]);

      const again = await claim(store, 170, 'c');
      expect(again.task.id).toBe(winner.task.id);
      expect(await store.locks.acquire(name, again.lease, times(170))).toBe(true);
      await store.locks.release(name, again.lease);
      expect(await store.locks.list(171)).toEqual([]);
    });

    test('whatever was appended is read again, by any range, while more is being appended', async () => {
      const { id } = await store.tasks.create(newTask('t'), 0);
      let all = Buffer.alloc(0);
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 4 }),
          fc.nat(),
          fc.nat(),
          async (chunks, a, b) => {
            for (const chunk of chunks) {
              await store.tasks.appendOutput(id, 'debug', Buffer.from(chunk));
              all = Buffer.concat([all, chunk]);
            }
            const from = a % (all.length + 3);
            const bytesMax = b % (all.length + 3);
            const read = await second.tasks.output(id, 'debug', { from, bytesMax });
            expect(read?.bytes.toString('hex') ?? '').toBe(all.subarray(from, from + bytesMax).toString('hex'));
            expect(read?.size ?? 0).toBe(all.length);
          },
        ),
        { numRuns: 60 },
      );
      const big = Buffer.alloc(700_000, 'Zeile\n');
      await store.tasks.appendOutput(id, 'result', big);
      const middle = await store.tasks.output(id, 'result', { from: 250_000, bytesMax: 300_000 });
      expect(middle?.bytes.equals(big.subarray(250_000, 550_000))).toBe(true);
    });

    test('two who append at the same moment lose nothing', async () => {
      const { id } = await store.tasks.create(newTask('t'), 0);
      const appends = Array.from({ length: 40 }, (_, i) =>
        (i % 2 === 0 ? store : second).tasks.appendOutput(id, 'event', Buffer.from(`line ${i}\n`)),
      );
      await Promise.all(appends);
      const lines = (await store.tasks.output(id, 'event', { from: 0, bytesMax: 1e6 }))?.bytes.toString().split('\n');
      expect(new Set(lines).size).toBe(41); // and the empty one after the last
    });

    test('lists by state, type, deployment, context and team, newest first; old ones of each type are pruned', async () => {
      const ids: TaskId[] = [];
      for (let i = 0; i < 6; i++) {
        const { id } = await store.tasks.create(
          newTask(i < 4 ? 'update_deployment' : 'vms', {
            contextId: `c${i % 2}`,
            teams: i === 2 ? ['blue', 'red'] : [],
          }),
          i,
        );
        await store.tasks.appendOutput(id, 'event', Buffer.from('x'));
        ids.push(id);
      }
      const list = async (filter: Parameters<Store['tasks']['list']>[0]) =>
        (await store.tasks.list(filter)).map((task) => ids.indexOf(task.id));
      expect(await list({ limit: 3 })).toEqual([5, 4, 3]);
      expect(await list({ types: ['vms'] })).toEqual([5, 4]);
      expect(await list({ contextId: 'c1' })).toEqual([5, 3, 1]);
      expect(await list({ teams: ['red', 'green'] })).toEqual([2]);
      expect(await list({ deployment: 'none' })).toEqual([]);

      for (const id of ids.slice(0, 5)) await store.tasks.requestCancel(id, 9);
      expect(await store.tasks.prune(1, AbortSignal.abort())).toBe(0);
      expect(await store.tasks.prune(1)).toBe(3);
      expect(await list({})).toEqual([5, 4, 3]);
      expect(await store.tasks.output(ids[0] ?? taskId(0), 'event', { from: 0, bytesMax: 9 })).toBeUndefined();
      expect((await store.tasks.create(newTask('t'), 0)).id).toBeGreaterThan(ids[5] ?? 0);
    });
  });
}
