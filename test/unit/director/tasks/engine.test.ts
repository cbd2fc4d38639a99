import { afterEach, expect, test } from 'vitest';
import { OperatorError } from '../../../../common/errors.ts';
import type { Store } from '../../../../director/store/store.ts';
import type { Task } from '../../../../director/store/tasks.ts';
import type { TaskContext, TaskHandler } from '../../../../director/tasks/task-context.ts';
import { firstTask, gate, newTask, taskWorld } from '../../../support/task-world.ts';

let close = async () => {};
afterEach(() => close());

async function world(handlers: Record<string, TaskHandler>) {
  const made = await taskWorld(handlers);
  close = made.close;
  return made;
}

/** Ends only when its signal tells it to. */
const untilAborted = (task: TaskContext) =>
  new Promise<never>((_, reject) =>
    task.signal.addEventListener('abort', () => reject(task.signal.reason as Error), { once: true }),
  );

test('a task runs from its enqueueing to its result, and its output is complete by then', async () => {
  const { engine, idle, task, output, clock } = await world({
    greet: async (context) => {
      const stage = context.events.stage('Greeting', 1, ['tag']);
      await stage.task('world', async (progress) => progress.advance(40, 'opening the mouth'));
      context.debug('said it');
      context.result(`${JSON.stringify(context.task.args)}\n`);
      return 'greeted';
    },
  });
  const director = engine('a');
  await director.start();
  const queued = await director.enqueue(newTask('greet', { args: { name: 'world' } }));
  expect(queued.state).toBe('queued');
  await idle(director);

  expect(await task(queued.id)).toMatchObject({ state: 'done', result: 'greeted', attempts: 1 });
  const time = Math.floor(clock.now() / 1000);
  const heading = `{"time":${time},"stage":"Greeting","tags":["tag"],"total":1,"task":"world","index":1`;
  expect(await output(queued.id, 'event')).toBe(
    `${heading},"state":"started","progress":0}\n` +
      `${heading},"state":"in_progress","progress":40,"data":{"status":"opening the mouth"}}\n` +
      `${heading},"state":"finished","progress":100}\n`,
  );
  expect(await output(queued.id, 'result')).toBe('{"name":"world"}\n');
  expect(await output(queued.id, 'debug')).toMatch(/^2030-01-01T\S+Z task 1 \(do greet\)[^]*said it\n/);
});

test('a failure is one error line with its number and hint; the result is the message, cut', async () => {
  const { engine, idle, task, output } = await world({
    fail: async ({ events }) => {
      await events.stage('Failing', null).task('now', () => {
        throw new OperatorError(`release ${'very '.repeat(40)}lost`, { code: 'release-not-found', hint: 'Upload it.' });
      });
      return null;
    },
  });
  const director = engine('a');
  await director.start();
  const { id } = await director.enqueue(newTask('fail'));
  await idle(director);

  const ended = await task(id);
  expect(ended.state).toBe('error');
  expect(ended.result).toMatch(/^release very .* very\.\.\.$/);
  const lines = (await output(id, 'event'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toHaveLength(3);
  expect(lines[1]).toMatchObject({ state: 'failed', total: null, data: { error: expect.stringContaining('lost') } });
  expect(lines[2]).toMatchObject({ error: { code: 30005, message: expect.stringMatching(/lost\nUpload it\.$/) } });
});

test('a task that waits is cancelled at once, and never runs', async () => {
  const ran: number[] = [];
  const { engine, idle, task, output } = await world({
    work: async ({ task: { id } }) => {
      ran.push(id);
      return null;
    },
  });
  const director = engine('a');
  const { id } = await director.enqueue(newTask('work'));
  expect(await director.cancel(id)).toBe(true);
  expect(await task(id)).toMatchObject({ state: 'cancelled', result: 'task cancelled' });
  expect(JSON.parse(await output(id, 'event'))).toMatchObject({
    error: { code: 10001, message: `Task ${id} cancelled` },
  });

  await director.start();
  await idle(director);
  expect(ran).toEqual([]);
  expect(await director.cancel(id)).toBe(false);
});

test('a running task hears of its cancelling by its signal, also from another director, in less than a second', async () => {
  const { engine, clock, task, reaches, store, output } = await world({ wait: untilAborted });
  const director = engine('a');
  await director.start();
  const { id } = await director.enqueue(newTask('wait'));
  await reaches(id, 'processing');

  const other = engine('b');
  expect(await other.cancel(id)).toBe(true);
  expect((await task(id)).state).toBe('cancelling');
  const askedMs = clock.now();
  await reaches(id, 'cancelled');
  expect(clock.now() - askedMs).toBeLessThan(1000);
  expect((await output(id, 'event')).match(/10001/g)).toHaveLength(1);
  expect(await store.tasks.list({ states: ['cancelling', 'processing'] })).toEqual([]);
});

test('a director dies in the middle: another takes the task over, and the dead one can write no more', async () => {
  const began: TaskContext[] = [];
  const release = gate();
  const { engine, store, idle, task, output, reaches } = await world({
    deploy: async (context) => {
      began.push(context);
      context.debug(`I am number ${began.length}`);
      if (began.length === 1) await release.opened; // hangs, as a stopped process does
      await context.store.setAttribute('deployed-by', String(began.length));
      return `by attempt ${context.task.attempts}`;
    },
  });
  const frozen = frozenAfter(store, () => began.length > 0);
  const first = engine('first', {}, frozen.store);
  await first.start();
  const { id } = await first.enqueue(newTask('deploy'));
  await reaches(id, 'processing');

  const second = engine('second');
  await second.start();
  await reaches(id, 'done');
  expect(await task(id)).toMatchObject({ result: 'by attempt 2', attempts: 2 });
  expect(await store.attribute('deployed-by')).toBe('2');

  // The first one wakes up, and believes that it still has the task.
  frozen.thaw();
  release.open();
  await idle(first);
  await expect(began[0]?.store.setAttribute('deployed-by', 'a ghost')).rejects.toMatchObject({ code: 'lease-lost' });
  expect(await store.attribute('deployed-by')).toBe('2');
  expect(await task(id)).toMatchObject({ state: 'done', result: 'by attempt 2' });
  expect(await output(id, 'debug')).toContain('I am number 2');
});

test('a director alone on its store goes on at its start with what the former run left', async () => {
  const { engine, store, clock, idle, task } = await world({
    deploy: async ({ task: { attempts } }) => `attempt ${attempts}`,
  });
  await store.tasks.create(newTask('deploy'), clock.now());
  await store.tasks.claim({ owner: 'the former run', lanes: ['normal'], leaseMs: 3_600_000, nowMs: clock.now() });

  const director = engine('this run', { alone: true });
  await director.start();
  await idle(director);
  expect(await task(firstTask)).toMatchObject({ state: 'done', result: 'attempt 2' });
});

test('a task that has shown stages and is taken up again says so, once', async () => {
  const { engine, store, clock, idle, output } = await world({ deploy: () => Promise.resolve(null) });
  for (const shown of ['{"stage":"Updating instance"}\n', '']) {
    const { id } = await store.tasks.create(newTask('deploy'), clock.now());
    await store.tasks.claim({ owner: 'the former run', lanes: ['normal'], leaseMs: 3_600_000, nowMs: clock.now() });
    if (shown !== '') await store.tasks.appendOutput(id, 'event', Buffer.from(shown));
  }
  const director = engine('this run', { alone: true });
  await director.start();
  await idle(director);
  const lines = (await output(firstTask, 'event')).trim().split('\n').slice(1);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { time: Math.floor(clock.now() / 1000), type: 'warning', message: expect.stringContaining('(attempt 2)') },
  ]);
  const [second] = await store.tasks.list({});
  expect(await output(second?.id ?? firstTask, 'event')).toBe('');
});

test('a task that kills its director each time is given up, and says so', async () => {
  const { engine, store, clock, idle, task, output } = await world({
    deadly: () => Promise.reject(new Error('never called')),
  });
  await store.tasks.create(newTask('deadly'), clock.now());
  for (let i = 1; i <= 3; i++) {
    await store.tasks.claim({ owner: `victim ${i}`, lanes: ['normal'], leaseMs: 1, nowMs: clock.now() + i * 10 });
  }
  await clock.advance(1000);
  const director = engine('survivor');
  await director.start();
  await idle(director);
  expect(await task(firstTask)).toMatchObject({ state: 'error', attempts: 4 });
  expect(await output(firstTask, 'event')).toContain('was begun 3 times');
});

test('an orderly stop gives tasks back without counting an attempt; whoever ignores it is cut off', async () => {
  const stubborn = gate();
  const contexts: TaskContext[] = [];
  const { engine, task, clock, reaches, idle } = await world({
    good: async (context) =>
      context.task.attempts === 1 && contexts.push(context) === 1 ? untilAborted(context) : 'done',
    bad: async (context) => {
      contexts.push(context);
      if (context.signal.aborted || contexts.length < 3) await stubborn.opened;
      return 'done';
    },
  });
  const first = engine('first');
  await first.start();
  const good = await first.enqueue(newTask('good'));
  const bad = await first.enqueue(newTask('bad'));
  await reaches(good.id, 'processing');
  await reaches(bad.id, 'processing');
  await clock.runUntil(first.stop({ graceMs: 5000 }));

  expect(await task(good.id)).toMatchObject({ state: 'queued', attempts: 0 });
  expect(await task(bad.id)).toMatchObject({ state: 'queued', attempts: 0 });
  await expect(contexts[1]?.store.setAttribute('a', 'b')).rejects.toMatchObject({ code: 'lease-lost' });

  const second = engine('second');
  await second.start();
  await idle(second);
  expect(await task(good.id)).toMatchObject({ state: 'done', attempts: 1 });
  expect(await task(bad.id)).toMatchObject({ state: 'done', attempts: 1 });
  stubborn.open();
});

test('urgent tasks find a worker while normal ones hold all of theirs', async () => {
  const { engine, clock, task, reaches } = await world({ long: untilAborted, ssh: async () => 'in' });
  const director = engine('a', { workers: 2 });
  await director.start();
  const long: Task[] = [];
  for (let i = 0; i < 4; i++) long.push(await director.enqueue(newTask('long')));
  await clock.advance(100);
  const states = async () => Promise.all(long.map(async ({ id }) => (await task(id)).state));
  expect(await states()).toEqual(['processing', 'processing', 'queued', 'queued']);

  const ssh = await director.enqueue(newTask('ssh', { lane: 'urgent' }));
  await reaches(ssh.id, 'done');
  expect(await states()).toEqual(['processing', 'processing', 'queued', 'queued']);
});

test(
  'a thousand queued tasks all run, in order, never more at a time than there are workers',
  { timeout: 60_000 },
  async () => {
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const { engine, store, clock, idle } = await world({
      one: async ({ task }) => {
        most = Math.max(most, ++running);
        order.push(task.id);
        await clock.sleep(5);
        running--;
        return null;
      },
    });
    await store.atomically(async (inside) => {
      for (let i = 0; i < 1000; i++) await inside.tasks.create(newTask('one'), clock.now());
    });
    const director = engine('a', { workers: 7, alone: true });
    await director.start();
    await idle(director);
    expect(most).toBe(7);
    expect(order).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
    expect(await store.tasks.list({ states: ['done'] })).toHaveLength(1000);
  },
);

test('a type without a handler ends with an error, also when it is the name of something that every object has', async () => {
  const { engine, idle, task } = await world({});
  const director = engine('a');
  await director.start();
  const { id } = await director.enqueue(newTask('toString'));
  await idle(director);
  expect(await task(id)).toMatchObject({ state: 'error', result: expect.stringContaining('type toString') });
});

/** A store as a stopped process has it: its calls wait until it is thawed. */
function frozenAfter<T extends object>(store: T, frozen: () => boolean): { store: T; thaw: () => void } {
  const thawed = gate();
  let cold = true;
  const wrap = <O extends object>(inner: O): O =>
    new Proxy(inner, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (key === 'fencedBy') return (...args: unknown[]) => wrap(Reflect.apply(value as () => object, target, args));
        if (typeof value === 'object' && value !== null) return wrap(value);
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]) => {
          if (cold && frozen()) await thawed.opened;
          return Reflect.apply(value, target, args) as unknown;
        };
      },
    });
  return { store: wrap(store), thaw: () => ((cold = false), thawed.open()) };
}

test('old tasks and events go while the director runs, and those that still run stay', async () => {
  const { engine, store, idle, clock, reaches } = await world({
    quick: () => Promise.resolve(null),
    endless: untilAborted,
  });
  const director = engine('a', { keep: { tasksOfType: 2, events: 3 } });
  await director.start();
  const running = await director.enqueue(newTask('endless'));
  await reaches(running.id, 'processing');
  const made = [];
  for (let i = 0; i < 5; i++) {
    made.push((await director.enqueue(newTask('quick'))).id);
    await store.events.add(event(i));
  }
  const last = made.at(-1) ?? running.id;
  await reaches(last, 'done');
  expect(await store.tasks.list({})).toHaveLength(6);

  await clock.advance(11 * 60_000);
  expect((await store.tasks.list({})).map(({ id }) => id)).toEqual([...made.slice(3).reverse(), running.id]);
  expect((await store.events.list({})).map(({ atMs }) => atMs)).toEqual([4, 3, 2]);
  await director.cancel(running.id);
  await idle(director);
});

test('an end that can not be written for longer than it is tried: the task is done again when it can', async () => {
  let full = false;
  const made = await world({
    work: () => {
      full = made.clock.now() < fullUntilMs;
      return Promise.resolve('worked');
    },
  });
  const { engine, store, clock, idle, task } = made;
  const fullUntilMs = clock.now() + 50_000;
  const onFullDisk: Store = {
    ...store,
    fencedBy: (lease) => ({
      ...store.fencedBy(lease),
      atomically: (work) =>
        full && clock.now() < fullUntilMs
          ? Promise.reject(new OperatorError('the disk is full', { code: 'disk-full', retryable: true }))
          : store.fencedBy(lease).atomically(work),
    }),
  };
  const director = engine('a', { alone: true }, onFullDisk);
  await director.start();
  const { id } = await director.enqueue(newTask('work'));
  await made.reaches(id, 'done');
  await idle(director);
  expect(await task(id)).toMatchObject({ state: 'done', result: 'worked', attempts: 2 });
});

const event = (atMs: number) => ({
  parentId: null,
  atMs,
  user: 'admin',
  action: 'create',
  objectType: 'vm',
  objectName: null,
  error: null,
  task: null,
  deployment: null,
  instance: null,
  context: {},
});
