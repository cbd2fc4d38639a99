import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededChance } from '../../common/chance.ts';
import { systemClock } from '../../common/clock.ts';
import { OperatorError } from '../../common/errors.ts';
import { silentLog } from '../../common/log.ts';
import type { Cpi } from '../../cpi/cpi.ts';
import { MemoryCpi } from '../../cpi/memory/memory-cpi.ts';
import type { TaskEvent } from '../../director/api/contract/tasks.ts';
import { createApi, type CreateApiDeps } from '../../director/api/server.ts';
import type { ArtifactDeps, CompileForExport } from '../../director/artifacts/deps.ts';
import { artifactTaskHandlers } from '../../director/artifacts/handlers.ts';
import { freshKey, keyringOf } from '../../director/credentials/own/keyring.ts';
import { OwnConfigServer } from '../../director/credentials/own/own-config-server.ts';
import { LocalUsers, type LocalUser } from '../../director/auth/local-users.ts';
import { Permissions } from '../../director/auth/permissions.ts';
import type { Cpis } from '../../director/execute/cpis.ts';
import { listInstances, type ListInstancesDeps } from '../../director/observe/list-instances.ts';
import { openStore } from '../../director/store/open-store.ts';
import type { Store } from '../../director/store/store.ts';
import type { Task } from '../../director/store/tasks.ts';
import { TaskEngine } from '../../director/tasks/engine.ts';
import type { TaskHandler } from '../../director/tasks/task-context.ts';
import { embeddedWaker } from '../../director/tasks/waker.ts';
import { taskId } from '../../common/ids.ts';
import { MemoryBlobs } from './memory-blobs.ts';

/** Who may come in, in place of `users`. */
export type GivenAuthentication = (of: {
  store: Store;
  permissions: Permissions;
}) => Promise<Pick<CreateApiDeps, 'identity' | 'openRoutes'>>;

export interface GivenApiOptions extends Pick<CreateApiDeps, 'audit'> {
  authentication?: GivenAuthentication;
  users?: readonly LocalUser[];
  /** Names of CPIs; default: the one without a name. */
  cpiNames?: readonly string[];
  compile?: CompileForExport;
  agents?: ListInstancesDeps['agents'];
  handlers?: Record<string, TaskHandler>;
  uploadBytesMax?: number;
  freeBytesMin?: number;
  /** False: tasks wait until `engine.start()`. */
  started?: boolean;
}

export type RequestOptions = Omit<RequestInit, 'headers'> & {
  headers?: Record<string, string>;
  user?: LocalUser | null;
};

export const admin: LocalUser = { name: 'admin', password: 'admin' };
export const directorUuid = '3b30123e-dfa6-4eff-abe6-63c2d5a88938';

/** The API with its tasks over HTTP on loopback: store and blobs in memory, an infrastructure in memory, no agents. */
export async function givenApi(options: GivenApiOptions = {}) {
  const { users = [admin], cpiNames = [''] } = options;
  const [clock, chance, log] = [systemClock, seededChance(1), silentLog];
  const stateDir = await mkdtemp(join(tmpdir(), 'given-api-'));
  const spoolDir = join(stateDir, 'spool');
  const store = await openStore({ kind: 'sqlite', path: ':memory:' }, { clock, log });
  const blobs = new MemoryBlobs(chance);
  const byName = new Map<string, MemoryCpi>();
  const agent = { mbus: 'nats://127.0.0.1:4222', blobstore: blobs.agentSettings(), ntp: [] };
  for (const name of cpiNames)
    byName.set(name, await MemoryCpi.open({ clock, chance: seededChance(byName.size), agent }));
  const cpis: Cpis = {
    names: () => [...cpiNames],
    named: (name): Cpi => {
      const found = byName.get(name);
      if (found === undefined) throw new OperatorError(`there is no CPI "${name}"`, { code: 'cpi-unknown' });
      return found;
    },
  };
  const deps: ArtifactDeps = {
    blobs,
    cpis,
    spoolDir,
    clock,
    chance,
    limits: { downloadBytesMax: 100_000_000, downloadMsMax: 10_000 },
    compile: options.compile ?? (() => Promise.reject(new Error('nothing compiles here'))),
    deleteInstanceVm: () => Promise.reject(new Error('no instance has a VM here')),
  };
  const agents = options.agents ?? {
    getState: () => Promise.reject(new OperatorError('no', { code: 'agent-timed-out' })),
  };
  const handlers = {
    ...artifactTaskHandlers(deps),
    vms: listInstances({ agents, answersMsMax: 100 }),
    ...options.handlers,
  };
  const engine = new TaskEngine(
    { store, clock, log, waker: embeddedWaker(), handlers },
    { owner: 'test', alone: true, recordEvents: true },
  );
  if (options.started !== false) await engine.start();
  const permissions = new Permissions(directorUuid);
  const authentication = await options.authentication?.({ store, permissions });
  const app = createApi({
    store,
    blobs,
    tasks: engine,
    permissions,
    identity: new LocalUsers(users, clock),
    ...authentication,
    ...(options.audit === undefined ? {} : { audit: options.audit }),
    director: {
      name: 'test',
      uuid: directorUuid,
      version: '1.2.3',
      revision: '00000000',
      cpi: 'memory',
      stemcellOs: 'tiny-os',
      stemcellVersion: '1',
      localDns: { enabled: true, domain: 'bosh' },
      snapshots: false,
      configServer: { enabled: false, urls: [] },
      recordEvents: true,
    },
    clock,
    chance,
    log,
    limits: {
      uploadBytesMax: options.uploadBytesMax ?? 100_000_000,
      freeBytesMin: options.freeBytesMin ?? 0,
      requestMsMax: 60_000,
      idleMsMax: 60_000,
    },
    spoolDir,
    configServer: new OwnConfigServer({ store, keyring: keyringOf([freshKey()], 'memory'), clock, chance }),
    cpiNames: () => Promise.resolve(cpiNames.map((name) => ({ name, aliases: [] }))),
    watch: { heartbeat: () => null, of: () => Promise.resolve(null) },
    certificates: () => Promise.resolve([]),
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on TCP

  const api = {
    app,
    url,
    store,
    blobs,
    engine,
    cpis: byName,
    spoolDir,
    /** As `admin`, unless headers say otherwise; redirects are not followed. */
    fetch: (path: string, init: RequestOptions = {}): Promise<Response> => {
      const { user = admin, headers, ...rest } = init;
      const authorization: Record<string, string> =
        user === null
          ? {}
          : { authorization: `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}` };
      return fetch(url + path, { ...rest, redirect: 'manual', headers: { ...authorization, ...headers } });
    },
    json: async <T>(path: string, init: RequestOptions = {}): Promise<T> =>
      (await (await api.fetch(path, init)).json()) as T, // the test says what it expects
    post: (path: string, body: unknown, init: RequestOptions = {}) =>
      api.fetch(path, {
        method: 'POST',
        body: JSON.stringify(body),
        ...init,
        headers: { 'content-type': 'application/json', ...init.headers },
      }),
    yaml: (path: string, body: string, init: RequestOptions = {}) =>
      api.fetch(path, { method: 'POST', body, ...init, headers: { 'content-type': 'text/yaml', ...init.headers } }),
    upload: (path: string, body: Buffer) =>
      api.fetch(path, {
        method: 'POST',
        body: new Uint8Array(body),
        headers: { 'content-type': 'application/x-compressed' },
      }),
    /** Waits until the task that an answer redirects to has ended, with what it said. */
    ended: async (answer: Response) => {
      const id = Number(/^\/tasks\/(\d+)$/.exec(answer.headers.get('location') ?? '')?.[1]);
      if (answer.status !== 302 || Number.isNaN(id))
        throw new Error(`no task: ${answer.status} ${await answer.text()}`);
      await engine.idle();
      const task = await store.tasks.get(taskId(id));
      if (task === undefined) throw new Error(`no task ${id}`);
      const events = await outputOf(task, 'event');
      return {
        ...task,
        events: events
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as TaskEvent), // the engine writes them
        output: await outputOf(task, 'result'),
        debug: await outputOf(task, 'debug'),
      };
    },
    spooled: () => readdir(spoolDir).catch(() => []),
    blobIds: async () => {
      const ids: string[] = [];
      for await (const { blobId } of blobs.list()) ids.push(blobId);
      return ids;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await engine.stop({ graceMs: 1_000 });
      for (const cpi of byName.values()) await cpi.close();
      await store.close();
      await rm(stateDir, { recursive: true });
    },
  };
  return api;

  async function outputOf(task: Task, stream: 'event' | 'result' | 'debug'): Promise<string> {
    return (await store.tasks.output(task.id, stream, { from: 0, bytesMax: 10_000_000 }))?.bytes.toString() ?? '';
  }
}

/** `stage: task` of each task that a stage finished, in order. */
export function finished(events: readonly TaskEvent[]): string[] {
  return events.flatMap((event) =>
    'stage' in event && event.state === 'finished' ? [`${event.stage}: ${event.task}`] : [],
  );
}
