import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../common/clock.ts';
import { silentLog } from '../../common/log.ts';
import { openStore } from '../../director/store/open-store.ts';
import { queueContract } from '../contract/queue.contract.ts';
import { type GivenStore, storeContract } from '../contract/store.contract.ts';
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
