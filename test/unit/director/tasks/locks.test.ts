import { afterEach, expect, test } from 'vitest';
import type { TaskContext, TaskHandler } from '../../../../director/tasks/task-context.ts';
import { newTask, taskWorld } from '../../../support/task-world.ts';

let close = async () => {};
afterEach(() => close());

async function world(handlers: Record<string, TaskHandler>) {
  const made = await taskWorld(handlers);
  close = made.close;
  return made;
}

const lock = 'lock:deployment:web';

test('two tasks of one lock work one after the other, the second as soon as the first lets go', async () => {
  const story: string[] = [];
  const { engine, clock, idle } = await world({
    deploy: async (context) => {
      await context.withLock(lock, 60_000, async () => {
        story.push(`${context.task.id} in at ${clock.now() - startMs}`);
        await clock.sleep(5000);
        story.push(`${context.task.id} out`);
      });
      return null;
    },
  });
  const startMs = clock.now();
  const director = engine('a');
  await director.start();
  await director.enqueue(newTask('deploy'));
  await director.enqueue(newTask('deploy'));
  await idle(director);
  expect(story).toEqual(['1 in at 0', '1 out', '2 in at 5000', '2 out']);
});

test('whoever waits too long is told by which task, and may run again later', async () => {
  const { engine, clock, reaches, output } = await world({
    long: (context) => context.withLock(lock, 0, () => clock.sleep(60_000, context.signal).then(() => null)),
    short: (context) => context.withLock(lock, 10_000, () => Promise.resolve(null)),
  });
  const director = engine('a');
  await director.start();
  const long = await director.enqueue(newTask('long', { description: 'create deployment' }));
  await reaches(long.id, 'processing');
  const short = await director.enqueue(newTask('short'));
  const ended = await reaches(short.id, 'error');
  expect(ended.result).toBe(`task ${short.id} waited 10 s for ${lock}, held by task ${long.id} (create deployment)`);
  expect(await output(short.id, 'event')).toContain(`bosh cancel-task ${long.id}`);
});

test('a lock frees itself when its work fails, is cancelled, or its task ends in any way', async () => {
  const { engine, store, clock, reaches, idle } = await world({
    fails: (context) => context.withLock(lock, 0, () => Promise.reject(new Error('no'))),
    waits: (context) => context.withLock(lock, 0, () => clock.sleep(60_000, context.signal).then(() => null)),
    leaks: async (context) => {
      void context.withLock(lock, 0, () => new Promise<never>(() => {})); // and never comes back
      await clock.sleep(100);
      return 'done';
    },
    takes: (context) => context.withLock(lock, 0, () => Promise.resolve('took it')),
  });
  const director = engine('a');
  await director.start();
  for (const type of ['fails', 'waits', 'leaks']) {
    const { id } = await director.enqueue(newTask(type));
    if (type === 'waits') {
      await reaches(id, 'processing');
      await director.cancel(id);
    }
    await reaches(id, 'done', 'error', 'cancelled');
    expect(await store.locks.list(clock.now())).toEqual([]);
    const next = await director.enqueue(newTask('takes'));
    expect((await reaches(next.id, 'done', 'error')).state).toBe('done');
  }
  await idle(director);
});

test('a lock within itself is held until its outer end', async () => {
  let heldBetween = -1;
  const { engine, store, clock, idle, task } = await world({
    nested: (context) =>
      context.withLock(lock, 0, async () => {
        await context.withLock(lock, 0, () => Promise.resolve());
        heldBetween = (await store.locks.list(clock.now())).length;
        return 'done';
      }),
  });
  const director = engine('a');
  await director.start();
  const { id } = await director.enqueue(newTask('nested'));
  await idle(director);
  expect((await task(id)).state).toBe('done');
  expect(heldBetween).toBe(1);
  expect(await store.locks.list(clock.now())).toEqual([]);
});

test('a long task keeps its lock and lease by renewing both', async () => {
  const { engine, clock, store, reaches } = await world({
    long: (context) => context.withLock(lock, 0, () => clock.sleep(600_000).then(() => 'much later')),
  });
  const director = engine('a', { leaseMs: 60_000, alone: true });
  await director.start();
  const { id } = await director.enqueue(newTask('long'));
  await reaches(id, 'processing');
  for (let minutes = 1; minutes < 10; minutes++) {
    await clock.advance(60_000);
    expect(await store.locks.list(clock.now())).toMatchObject([{ name: lock, taskId: id }]);
  }
  expect(await reaches(id, 'done')).toMatchObject({ result: 'much later', attempts: 1 });
});

test('an earlier deploy goes before a later one also when the director is restarted between them', async () => {
  const order: string[] = [];
  const deploy: TaskHandler = (context: TaskContext) =>
    context.withLock(lock, 600_000, async () => {
      if (context.signal.aborted || order.length === 0) {
        order.push(`${context.task.id} interrupted`);
        await new Promise<never>((_, reject) =>
          context.signal.addEventListener('abort', () => reject(context.signal.reason as Error), { once: true }),
        );
      }
      order.push(`${context.task.id} done`);
      return null;
    });
  const { engine, clock, store, reaches, idle } = await world({ deploy });
  const former = engine('former');
  await former.start();
  const first = await former.enqueue(newTask('deploy'));
  await reaches(first.id, 'processing');
  await clock.advance(10);
  const second = await former.enqueue(newTask('deploy'));
  await reaches(second.id, 'processing');
  await clock.runUntil(former.stop({ graceMs: 1000 }));
  expect(await store.locks.list(clock.now())).toMatchObject([{ name: lock, taskId: first.id }]);

  const next = engine('next');
  await next.start();
  await idle(next);
  expect(order).toEqual([`${first.id} interrupted`, `${first.id} done`, `${second.id} done`]);
});
