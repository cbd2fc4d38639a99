import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { systemClock } from '../../common/clock.ts';
import { silentLog } from '../../common/log.ts';
import { openStore } from '../../director/store/open-store.ts';
import { TaskEngine } from '../../director/tasks/engine.ts';
import type { TaskHandler } from '../../director/tasks/task-context.ts';
import { embeddedWaker } from '../../director/tasks/waker.ts';
import { queueContract } from '../contract/queue.contract.ts';
import { type GivenStore, storeContract } from '../contract/store.contract.ts';
import { newTask } from '../support/task-world.ts';
import { givenPostgres, type GivenPostgres } from '../support/given-postgres.ts';

let server: GivenPostgres;
beforeAll(async () => (server = await givenPostgres()));
afterAll(() => server.close());

const open = (schema: string) => {
  const { host, port, database, user } = server;
  return openStore({ kind: 'postgres', host, port, database, user, schema }, { clock: systemClock, log: silentLog });
};

async function givenDirectors(schema: string): Promise<GivenStore> {
  // Both start at the same moment, on an empty database: each migration must run once.
  const [store, second] = await Promise.all([open(schema), open(schema)]);
  return { store, second, close: async () => void (await Promise.all([store.close(), second.close()])) };
}

storeContract('PostgreSQL', () => givenDirectors('store'));
queueContract('PostgreSQL', () => givenDirectors('queue'));

test('a server that commits lazily is told of in the log', async () => {
  const { host, port, database, user } = server;
  const admin = new pg.Client({ host, port, database, user });
  await admin.connect();
  await admin.query('create database lazy');
  await admin.query('alter database lazy set synchronous_commit = off');
  await admin.end();
  for (const [name, warned] of [
    [database, []],
    ['lazy', ['database-commits-lazily']],
  ] as const) {
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (event: string) => void warnings.push(event) };
    const options = { kind: 'postgres', host, port, database: name, user, schema: 'commits' } as const;
    await (await openStore(options, { clock: systemClock, log })).close();
    expect(warnings).toEqual(warned);
  }
});

test('two directors share the tasks: each task runs once, and either may cancel what the other runs', async () => {
  const ran: number[] = [];
  const handlers: Record<string, TaskHandler> = {
    quick: async ({ task }) => {
      ran.push(task.id);
      return null;
    },
    long: (context) => systemClock.sleep(60_000, context.signal).then(() => null),
  };
  const stores = [await open('engines'), await open('engines')];
  const [one, two] = stores.map(
    (store, n) =>
      new TaskEngine(
        { store, clock: systemClock, log: silentLog, waker: embeddedWaker(), handlers },
        { owner: `director ${n}`, alone: false, recordEvents: false },
      ),
  );
  if (one === undefined || two === undefined) throw new Error('two were made');
  const made = await Promise.all(Array.from({ length: 60 }, () => one.enqueue(newTask('quick'))));
  await Promise.all([one.start(), two.start()]);
  await Promise.all([one.idle(), two.idle()]);
  expect(ran.sort((a, b) => a - b)).toEqual(made.map((task) => task.id).sort((a, b) => a - b));

  const { id } = await one.enqueue(newTask('long'));
  await vi.waitFor(() => expect([...one.running, ...two.running]).toContain(id), { timeout: 10_000 });
  const other = one.running.includes(id) ? two : one;
  expect(await other.cancel(id)).toBe(true);
  await vi.waitFor(async () => expect((await stores[0]?.tasks.get(id))?.state).toBe('cancelled'), { timeout: 10_000 });
  await Promise.all([one.stop({ graceMs: 0 }), two.stop({ graceMs: 0 })]);
  await Promise.all(stores.map((store) => store.close()));
});

test('a server that is away is told as that, and used again when it is back, with all that was committed', async () => {
  const store = await open('restart');
  await store.setAttribute('uuid', 'kept');
  await server.kill();
  try {
    await expect(store.attribute('uuid')).rejects.toMatchObject({ code: 'database-unreachable', retryable: true });
    await expect(open('restart')).rejects.toMatchObject({ code: 'database-unreachable' });
  } finally {
    await server.start();
  }
  expect(await store.attribute('uuid')).toBe('kept');
  await store.close();
});

test('a connection that breaks in the middle of a transaction fails that one, not the director', async () => {
  const store = await open('broken');
  const broken = store.atomically(async (inside) => {
    await inside.setAttribute('half', 'done');
    await server.kill(); // nobody waits for an answer at this moment
    await inside.setAttribute('other half', 'done');
  });
  try {
    await expect(broken).rejects.toMatchObject({ code: 'database-unreachable' });
  } finally {
    await server.start();
  }
  expect(await store.attribute('half')).toBeUndefined();
  await store.close();
});

test('a server that only reads, as a replica, is told as that', async () => {
  const admin = await open('read-only');
  const { host, port, database, user } = server;
  const client = new pg.Client({ host, port, database, user });
  await client.connect();
  await client.query('create role reader superuser login');
  await client.query('alter role reader set default_transaction_read_only = on');
  await client.end();
  const reader = openStore(
    { kind: 'postgres', host, port, database, user: 'reader' },
    { clock: systemClock, log: silentLog },
  );
  await expect(reader).rejects.toMatchObject({ code: 'database-read-only' });
  await admin.close();
});
