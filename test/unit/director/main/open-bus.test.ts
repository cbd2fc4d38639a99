import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../../common/clock.ts';
import { id, type AgentId, type DeploymentName, type InstanceId, type StemcellCid } from '../../../../common/ids.ts';
import { silentLog } from '../../../../common/log.ts';
import { CertificateAuthority } from '../../../../director/bus/certificates/authority.ts';
import { openBus } from '../../../../director/main/open-bus.ts';
import { openStore } from '../../../../director/store/open-store.ts';
import type { Store } from '../../../../director/store/store.ts';

let store: Store;
let other: Server | undefined;
const authority = new CertificateAuthority(CertificateAuthority.create('test', systemClock), systemClock);
const pems = { load: () => Promise.resolve(undefined), save: () => Promise.resolve() };

beforeEach(async () => {
  store = await openStore({ kind: 'sqlite', path: ':memory:' }, { clock: systemClock, log: silentLog });
});
afterEach(async () => {
  await new Promise((resolve) => (other === undefined ? resolve(0) : other.close(resolve)));
  other = undefined;
  await store.close();
});

const open = async (port: number) => {
  const config = { bus: { kind: 'embedded', address: '127.0.0.1', port } } as const;
  const { bus } = await openBus(config, { store, authority, pems, log: silentLog });
  return { mbus: bus.endpoint().mbus, close: () => bus.close() };
};

/** The address of a bus that was opened and closed again. */
async function openedOnce(): Promise<string> {
  const bus = await open(0);
  await bus.close();
  return bus.mbus;
}

async function takePort(mbus: string): Promise<void> {
  other = createServer();
  await new Promise<void>((resolve) => other?.listen(Number(new URL(mbus).port), '127.0.0.1', resolve));
}

async function givenMachine(): Promise<void> {
  const [deployment, instanceId] = [id<DeploymentName>('web'), id<InstanceId>('i-1')];
  await store.deployments.create(deployment, [], 0);
  await store.instances.create([
    {
      id: instanceId,
      deployment,
      group: 'web',
      index: 0,
      az: null,
      state: 'started',
      bootstrap: true,
      ignore: false,
      compilation: false,
      updateCompleted: true,
      spec: null,
    },
  ]);
  await store.instances.recordVm({
    agentId: id<AgentId>('a-1'),
    instanceId,
    cid: null,
    cpi: '',
    stemcell: { name: 'tiny', version: '1', cid: id<StemcellCid>('s-1'), apiVersion: 2 },
    state: 'live',
    active: true,
    cloudProperties: {},
    networks: {},
    env: {},
    permanentCredentials: true,
    createdAtMs: 0,
  });
}

test('a bus on any free port has the same one when the director starts again', async () => {
  expect(await openedOnce()).toBe(await openedOnce());
});

test('while there is no machine, a port that was taken meanwhile is replaced, and the new one is kept', async () => {
  const before = await openedOnce();
  await takePort(before);
  const after = await openedOnce();
  expect(after).not.toBe(before);
  expect(await openedOnce()).toBe(after);
});

test('where machines know the port it is that one or none', async () => {
  const before = await openedOnce();
  await givenMachine();
  await takePort(before);
  await expect(open(0)).rejects.toMatchObject({ code: 'bus-port-unavailable' });
});

test('a port that the config names is that, whatever was found before', async () => {
  await openedOnce();
  other = createServer();
  await new Promise<void>((resolve) => other?.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo; // it listens on TCP
  await new Promise((resolve) => other?.close(resolve));
  const bus = await open(port);
  expect(new URL(bus.mbus).port).toBe(String(port));
  await bus.close();
});
