import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VirtualClock } from '../../../../../common/clock.ts';
import { id, type AgentId } from '../../../../../common/ids.ts';
import { silentLog } from '../../../../../common/log.ts';
import type { AgentPermit } from '../../../../../director/bus/bus.ts';
import { PermissionsFile, permissionsText } from '../../../../../director/bus/nats/permissions-file.ts';

const web: AgentPermit = { agentId: id<AgentId>('web'), bootstrap: false };
const db: AgentPermit = { agentId: id<AgentId>('db'), bootstrap: true };

let folder: string;
let file: string;
let clock: VirtualClock;
let stored: AgentPermit[];
let permissions: PermissionsFile;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gantry-permissions-'));
  file = join(folder, 'auth.json');
  clock = new VirtualClock();
  stored = [web];
  // Each reload leaves a line: how often the server was told.
  const command = ['sh', '-c', `echo reload >> ${folder}/reloads`] as const;
  permissions = new PermissionsFile(
    { file, reload: { command } },
    { agents: async () => stored, clock, log: silentLog },
  );
});

afterEach(async () => {
  await permissions.close();
  await rm(folder, { recursive: true });
});

const users = async () => {
  const { authorization } = JSON.parse(await readFile(file, 'utf8')) as {
    authorization: { users: { user: string }[] };
  };
  return authorization.users.map(({ user }) => user.replace('C=USA, O=Cloud Foundry, CN=', ''));
};
const reloads = async () => (await readFile(join(folder, 'reloads'), 'utf8')).split('\n').length - 1;

test('the file is what bosh-nats-sync writes, but that the health monitor may publish nothing', () => {
  expect(JSON.parse(permissionsText([db]))).toEqual({
    authorization: {
      users: [
        {
          user: 'C=USA, O=Cloud Foundry, CN=default.director.bosh-internal',
          permissions: { publish: ['agent.*', 'hm.director.alert'], subscribe: ['director.>'] },
        },
        {
          user: 'C=USA, O=Cloud Foundry, CN=default.hm.bosh-internal',
          permissions: {
            publish: { deny: ['>'] },
            subscribe: ['hm.agent.heartbeat.*', 'hm.agent.alert.*', 'hm.agent.shutdown.*', 'hm.director.alert'],
          },
        },
        ...['db.bootstrap', 'db'].map((name) => ({
          user: `C=USA, O=Cloud Foundry, CN=${name}.agent.bosh-internal`,
          permissions: {
            publish: ['hm.agent.heartbeat.db', 'hm.agent.alert.db', 'hm.agent.shutdown.db', 'director.*.db.*'],
            subscribe: ['agent.db'],
          },
        })),
      ],
    },
  });
});

test('it follows the store, and the server is told of changes only', async () => {
  await permissions.start();
  expect(await users()).toEqual([
    'default.director.bosh-internal',
    'default.hm.bosh-internal',
    'web.agent.bosh-internal',
  ]);
  await permissions.sync();
  expect(await reloads()).toBe(1);

  stored = [db, web]; // another director made a VM
  await clock.advance(10_000);
  await expect.poll(users).toContain('db.bootstrap.agent.bosh-internal');
  await expect.poll(reloads).toBe(2);
});

test('what this process says counts at once, and the store has the last word', async () => {
  await permissions.start();
  await permissions.permit(db);
  expect(await users()).toContain('db.agent.bosh-internal');
  await permissions.revoke('web');
  expect(await users()).not.toContain('web.agent.bosh-internal');

  await clock.advance(61_000); // the store still says: web, and no db
  await permissions.sync();
  expect(await users()).toContain('web.agent.bosh-internal');
  expect(await users()).not.toContain('db.agent.bosh-internal');
});

test('a hundred VMs at a time are one or two writes', async () => {
  await permissions.start();
  const made = Array.from({ length: 100 }, (_, i) => ({ agentId: id<AgentId>(`vm-${i}`), bootstrap: true }));
  await Promise.all(made.map((permit) => permissions.permit(permit)));
  expect(await users()).toHaveLength(2 + 1 + 200);
  expect(await reloads()).toBeLessThanOrEqual(3);
});

test('when the store cannot be read, the file stays, and the caller is told', async () => {
  await permissions.start();
  const before = await readFile(file, 'utf8');
  const broken = new PermissionsFile(
    { file, reload: { command: ['true'] } },
    { agents: () => Promise.reject(new Error('no database')), clock, log: silentLog },
  );
  await expect(broken.permit(db)).rejects.toThrow('no database');
  expect(await readFile(file, 'utf8')).toBe(before);
});

test('a reload that fails is told, and made good by the next sync although the file has not changed', async () => {
  const pidFile = join(folder, 'pid');
  await writeFile(pidFile, '999999999');
  const owing = new PermissionsFile(
    { file, reload: { pidFile } },
    { agents: async () => stored, clock, log: silentLog },
  );
  await expect(owing.sync()).rejects.toMatchObject({ code: 'bus-permissions-not-written', retryable: true });
  expect(await users()).toContain('web.agent.bosh-internal');

  const told = new Promise<void>((resolve) => process.once('SIGHUP', () => resolve()));
  await writeFile(pidFile, String(process.pid));
  await owing.sync();
  await told;
});

test('the server is told once at the start: who wrote before may have died before telling it', async () => {
  await writeFile(file, permissionsText([web]));
  await permissions.start();
  expect(await reloads()).toBe(1);
});
