import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AgentMethod, AgentState } from '../../../../agent/protocol.ts';
import { VirtualClock } from '../../../../common/clock.ts';
import { OperatorError } from '../../../../common/errors.ts';
import {
  id,
  type AgentId,
  type DeploymentName,
  type DiskCid,
  type InstanceId,
  type StemcellCid,
  type VmCid,
} from '../../../../common/ids.ts';
import { silentLog } from '../../../../common/log.ts';
import type { Agents } from '../../../../director/bus/agents.ts';
import { observe, refuseSilent } from '../../../../director/observe/observe.ts';
import { takenAddresses } from '../../../../director/observe/taken-addresses.ts';
import { addressesOf, expectsVm } from '../../../../director/observe/vms-of-instance.ts';
import type { Instance, Vm } from '../../../../director/store/instances.ts';
import { openStore } from '../../../../director/store/open-store.ts';
import type { Store } from '../../../../director/store/store.ts';

const web = id<DeploymentName>('web');
const state: AgentState = { agent_id: 'a', job_state: 'running', vm: { name: 'vm' }, networks: {} };
let store: Store;
let asked: string[];
let silent: Set<string>;
let clock: VirtualClock;
let warnings: string[];
/** What an agent that does not answer takes until it is given up. */
let slow: Promise<void>;

beforeEach(async () => {
  [asked, silent, warnings, slow] = [[], new Set(), [], Promise.resolve()];
  clock = new VirtualClock();
  store = await openStore({ kind: 'sqlite', path: ':memory:' }, { clock, log: silentLog });
  await store.deployments.create(web, [], 0);
});
afterEach(() => store.close());

const agents: Agents = {
  call: (agentId, method: AgentMethod) => {
    asked.push(`${agentId} ${method}`);
    if (silent.has(agentId))
      return slow.then(() => Promise.reject(new OperatorError(`${agentId} timed out`, { code: 'agent-timed-out' })));
    return Promise.resolve((method === 'list_disk' ? ['d-1'] : state) as never); // the results of the two
  },
  waitUntilReady: () => expect.unreachable(),
  begin: () => expect.unreachable(),
  finish: () => expect.unreachable(),
  cancel: () => expect.unreachable(),
};
const look = (signal = new AbortController().signal) =>
  observe('web', { store, agents, signal, clock, warn: (warning) => warnings.push(warning) });

function vmOf(n: number, more: Partial<Vm> = {}): Vm {
  return {
    agentId: id<AgentId>(`agent-${n}`),
    cid: id<VmCid>(`vm-${n}`),
    instanceId: id<InstanceId>(`i-${n}`),
    state: 'live',
    active: true,
    cpi: '',
    stemcell: { name: 's', version: '1', cid: id<StemcellCid>('sc'), apiVersion: 2 },
    cloudProperties: {},
    networks: { default: { type: 'manual', ip: `10.0.0.${n}` } },
    env: {},
    permanentCredentials: true,
    createdAtMs: n,
    problem: null,
    ...more,
  };
}

async function givenInstance(n: number, more: Partial<Instance> = {}, vm: Partial<Vm> | null = {}): Promise<Instance> {
  const row = {
    id: id<InstanceId>(`i-${n}`),
    deployment: web,
    group: 'web',
    index: n,
    az: 'z1',
    state: 'started' as const,
    bootstrap: false,
    ignore: false,
    compilation: false,
    updateCompleted: true,
    spec: {},
    ...more,
  };
  await store.instances.create([row]);
  if (vm !== null) await store.instances.recordVm(vmOf(n, vm));
  await store.instances.reserve([
    { address: `10.0.0.${n}`, network: 'default', static: false, instanceId: row.id, taskId: null },
  ]);
  const [found] = (await store.instances.ofDeployment('web')).filter((each) => each.id === row.id);
  if (found === undefined) throw new Error('it was recorded');
  return found;
}

test('every VM that serves is asked, and of its disks where one is mounted by the agent; ignored ones are left alone', async () => {
  await givenInstance(1);
  const disk = { state: 'live', active: true, sizeMib: 1, cloudProperties: {}, cpi: '' } as const;
  await givenInstance(2);
  await store.instances.recordDisk({ ...disk, key: 'k-1', cid: id<DiskCid>('d-1'), instanceId: id('i-2'), name: '' });
  await store.instances.recordDisk({
    ...disk,
    key: 'k-2',
    cid: id<DiskCid>('d-2'),
    instanceId: id('i-1'),
    name: 'own',
  });
  await givenInstance(3, { ignore: true });
  await givenInstance(4, {}, null);
  await givenInstance(5, {}, { state: 'creating', active: false, cid: null });
  const { instances } = await look();
  expect(instances.map(({ agent }) => agent)).toEqual([
    { kind: 'answered', state, mountedDisks: null },
    { kind: 'answered', state, mountedDisks: ['d-1'] },
    { kind: 'none' },
    { kind: 'none' },
    { kind: 'none' },
  ]);
  expect(asked.sort()).toEqual(['agent-1 get_state', 'agent-2 get_state', 'agent-2 list_disk']);
});

test('one that does not answer hides no other; a deploy without --fix is told of all of them', async () => {
  for (const n of [1, 2, 3]) await givenInstance(n);
  silent = new Set(['agent-1', 'agent-3']);
  const { instances } = await look();
  expect(instances.map(({ agent }) => agent.kind)).toEqual(['silent', 'answered', 'silent']);
  expect(() => refuseSilent(instances, 'web')).toThrowError(
    expect.objectContaining({
      message: 'agent-1 timed out\nagent-3 timed out',
      hint: expect.not.stringContaining('cck'),
    }),
  );
  expect(() => refuseSilent(instances.slice(1, 2), 'web')).not.toThrow();
});

test('who waits for agents is told once which those are, and until when they are asked', async () => {
  for (const n of [1, 2, 3, 4, 5, 6, 7]) await givenInstance(n);
  silent = new Set([1, 3, 4, 5, 6, 7].map((n) => `agent-${n}`));
  slow = clock.sleep(135_000);
  const looking = look();
  await clock.advance(9_999);
  expect(warnings).toEqual([]);
  await clock.advance(200_000);
  await looking;
  expect(warnings).toEqual([
    'No answer for 10 s from the agents of web/i-1, web/i-3, web/i-4, web/i-5, web/i-6 and 1 more: they are asked again for 135 s in all',
  ]);

  silent = new Set();
  await look();
  await clock.advance(200_000);
  expect(warnings).toHaveLength(1);
});

test('a task that was cancelled is not told as silent agents', async () => {
  await givenInstance(1);
  silent = new Set(['agent-1']);
  await expect(look(AbortSignal.abort(new Error('cancelled')))).rejects.toThrow('cancelled');
});

test('taken is what instances have, of any deployment, and what VMs that were given up may have', async () => {
  await givenInstance(1);
  const given = await givenInstance(2);
  const from = { deployment: 'web', instance: 'web/i-2', az: null };
  await store.instances.orphanVm(id<AgentId>('agent-2'), from, 0);
  await store.instances.delete(given.id);
  expect(await takenAddresses(store)).toMatchObject([
    { address: '10.0.0.1', instanceId: 'i-1' },
    { address: '10.0.0.2', instanceId: null, holder: expect.stringContaining('agent-2, once of web/i-2') },
  ]);
});

test("a VM's addresses are told once each, IPv4 before IPv6, as numbers are ordered", () => {
  const ip = (text: string) => ({ type: 'manual', ip: text });
  const networks = {
    a: ip('fd00::1'),
    b: ip('10.0.0.10'),
    c: ip('10.0.0.9'),
    d: ip('10.0.0.9'),
    e: { type: 'dynamic' },
  };
  expect(addressesOf(vmOf(1, { networks }))).toEqual(['10.0.0.9', '10.0.0.10', 'fd00::1']);
});

test('errands, detached instances, compilation machines and those that were never made may be without a VM', async () => {
  const instance = { ...(await givenInstance(1)), spec: { lifecycle: 'service' } };
  expect(expectsVm(instance)).toBe(true);
  for (const may of [
    { state: 'detached' as const },
    { compilation: true },
    { spec: { lifecycle: 'errand' } },
    { spec: null },
  ])
    expect(expectsVm({ ...instance, ...may })).toBe(false);
});
