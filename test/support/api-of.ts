import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { seededChance } from '../../common/chance.ts';
import { systemClock } from '../../common/clock.ts';
import { silentLog } from '../../common/log.ts';
import { createApi } from '../../director/api/server.ts';
import { freshKey, keyringOf } from '../../director/credentials/own/keyring.ts';
import { OwnConfigServer } from '../../director/credentials/own/own-config-server.ts';
import { LocalUsers } from '../../director/auth/local-users.ts';
import { Permissions } from '../../director/auth/permissions.ts';
import type { Store } from '../../director/store/store.ts';
import type { TaskEngine } from '../../director/tasks/engine.ts';
import type { MemoryBlobs } from './memory-blobs.ts';

/** The API of a director in this process, for one admin. @returns `ask`: status and JSON; `close` */
export async function apiOf({ store, blobs, engine }: { store: Store; blobs: MemoryBlobs; engine: TaskEngine }) {
  const uuid = '3b30123e-dfa6-4eff-abe6-63c2d5a88938';
  const app = createApi({
    store,
    blobs,
    tasks: engine,
    permissions: new Permissions(uuid),
    identity: new LocalUsers([{ name: 'admin', password: 'admin' }], systemClock),
    director: {
      name: 'test',
      uuid,
      version: '1.2.3',
      revision: '00000000',
      cpi: 'memory',
      stemcellOs: '',
      stemcellVersion: '',
      localDns: { enabled: true, domain: 'bosh' },
      snapshots: false,
      configServer: { enabled: false, urls: [] },
      recordEvents: true,
    },
    clock: systemClock,
    chance: seededChance(1),
    log: silentLog,
    limits: { uploadBytesMax: 1_000_000, freeBytesMin: 0, requestMsMax: 60_000, idleMsMax: 60_000 },
    spoolDir: tmpdir(), // nothing is uploaded
    configServer: new OwnConfigServer({
      store,
      keyring: keyringOf([freshKey()], 'memory'),
      clock: systemClock,
      chance: seededChance(1),
    }),
    cpiNames: () => Promise.resolve([]),
    certificates: () => Promise.resolve([]),
    watch: { heartbeat: () => null, of: () => Promise.resolve(null) },
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const authorization = `Basic ${Buffer.from('admin:admin').toString('base64')}`;
  return {
    ask: async (method: string, path: string, body?: unknown): Promise<{ status: number; json: unknown }> => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: { authorization, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, json: text === '' ? null : JSON.parse(text) };
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
