import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Sqlite } from '../../../../director/store/better-sqlite3.ts';
import { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VirtualClock } from '../../../../common/clock.ts';
import { silentLog } from '../../../../common/log.ts';
import { openStore } from '../../../../director/store/open-store.ts';
import type { Schema } from '../../../../director/store/schema.ts';
import { Session } from '../../../../director/store/sql/session.ts';
import { sqliteDialect } from '../../../../director/store/sql/sqlite.ts';
import { WalFlush } from '../../../../director/store/sql/wal-flush.ts';

let dir: string;
let path: string;
const clock = new VirtualClock();
const open = () => openStore({ kind: 'sqlite', path }, { clock, log: silentLog });

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'store-'));
  path = join(dir, 'gantry.db');
});
afterEach(() => rmSync(dir, { recursive: true }));

test('what was committed is there when the database is opened again, also when it was never closed', async () => {
  const killed = await open();
  await killed.setAttribute('uuid', 'kept');
  const next = await open(); // the first one is as a killed process left it: its log not merged, its file not closed
  expect(await next.attribute('uuid')).toBe('kept');
  await next.close();
  await killed.close();
});

test('writes wait for the disk once they are committed, all but those that may be lost with a power cut', async () => {
  await (await open()).close();
  const db = new Kysely<Schema>({ dialect: sqliteDialect(path, clock) });
  const seen: string[] = [];
  const flush = () => {
    const other = new Sqlite(path, { readonly: true });
    const { names } =
      other.prepare<[], { names: string }>('select group_concat(name) names from attributes').get() ?? {};
    other.close();
    seen.push(names ?? '');
    return Promise.resolve();
  };
  const session = new Session({ dialect: 'sqlite', db, flush });
  const put = (name: string) => (on: Kysely<Schema>) =>
    on.insertInto('attributes').values({ name, value: 'x' }).execute();

  await session.write(put('a'));
  await session.atomically(async (inside) => {
    await inside.write(put('b'));
    await inside.write(put('c'));
  });
  await session.write(put('d'), { relaxed: true });
  await expect(session.write(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(seen).toEqual(['a', 'a,b,c']); // one flush for each, after its commit; none for what failed
  await db.destroy();
});

test('all who wait while the disk is flushed share the next flush, and one that failed is told to those it was for', async () => {
  const db = new Sqlite(path);
  db.pragma('journal_mode = WAL');
  db.exec('create table t (n)');
  const wal = new WalFlush(path);
  const [first, ...others] = [1, 2, 3, 4].map(() => wal.flush());
  expect(new Set(others).size).toBe(1);
  expect(others[0]).not.toBe(first);
  await Promise.all([first, ...others]);
  await wal.close();
  db.close();

  const gone = new WalFlush(join(dir, 'no-such.db'));
  await expect(gone.flush()).rejects.toMatchObject({ code: 'ENOENT' });
  await gone.close();
});

test('once the disk has failed nothing counts as written any more, though the next flush would succeed', async () => {
  symlinkSync('/dev/null', `${path}-wal`); // a file that cannot be flushed
  const broken: string[] = [];
  const wal = new WalFlush(path, ({ code }) => void broken.push(code));
  const told = { code: 'database-flush-failed', cause: expect.objectContaining({ code: 'EINVAL' }) };
  const [first, second] = [wal.flush(), wal.flush()];
  await expect(first).rejects.toMatchObject(told);
  await expect(second).rejects.toMatchObject(told);
  rmSync(`${path}-wal`);
  writeFileSync(`${path}-wal`, '');
  await expect(wal.flush()).rejects.toMatchObject(told);
  expect(broken).toEqual(['database-flush-failed']); // once: the director ends, and is started again
  await wal.close();
});

test('a database of a newer director is refused by the name of what is unknown, and left as it is', async () => {
  await (await open()).close();
  const raw = new Sqlite(path);
  raw.prepare('insert into migrations (name) values (?)').run('0099-from-the-future');
  raw.close();
  await expect(open()).rejects.toMatchObject({
    code: 'database-too-new',
    details: { migration: '0099-from-the-future' },
  });
});

test('a file that is no database is told as that', async () => {
  writeFileSync(path, 'no database at all, but long enough to have a header that could be one'.repeat(20));
  await expect(open()).rejects.toMatchObject({ code: 'database-damaged' });
});

test('work in a transaction that uses the store outside of it waits for itself: that ends with an error', async () => {
  const store = await open();
  const stuck = store.atomically(async () => store.setAttribute('a', 'b'));
  await expect(clock.runUntil(stuck)).rejects.toMatchObject({ code: 'database-busy' });
  await store.setAttribute('a', 'c'); // and nothing is stuck after it
  expect(await store.attribute('a')).toBe('c');
  await store.close();
});

test('a reader that comes while a transaction is open waits for it, and sees all of it', async () => {
  const store = await open();
  let reading: Promise<unknown> | undefined;
  await store.atomically(async (inside) => {
    await inside.setAttribute('one', '1');
    reading = Promise.all([store.attribute('one'), store.attribute('two')]);
    await inside.setAttribute('two', '2');
  });
  expect(await reading).toEqual(['1', '2']);
  await store.close();
});
