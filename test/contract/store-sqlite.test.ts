import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../common/clock.ts';
import { silentLog } from '../../common/log.ts';
import { openStore } from '../../director/store/open-store.ts';
import { queueContract } from './queue.contract.ts';
import { type GivenStore, storeContract } from './store.contract.ts';

/** One process uses an SQLite database (state-lock.ts), so both directors of a story share the store. */
async function givenSqlite(): Promise<GivenStore> {
  const dir = mkdtempSync(join(tmpdir(), 'store-'));
  const store = await openStore(
    { kind: 'sqlite', path: join(dir, 'gantry.db') },
    { clock: systemClock, log: silentLog },
  );
  const close = async () => {
    await store.close();
    rmSync(dir, { recursive: true });
  };
  return { store, second: store, close };
}

storeContract('SQLite', givenSqlite);
queueContract('SQLite', givenSqlite);
