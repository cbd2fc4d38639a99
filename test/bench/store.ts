import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { systemClock } from '../../common/clock.ts';
import {
  type AgentId,
  type DeploymentName,
  id,
  type InstanceId,
  type StemcellCid,
  type TaskId,
  type VmCid,
} from '../../common/ids.ts';
import { silentLog } from '../../common/log.ts';
import { openStore } from '../../director/store/open-store.ts';
import type { Store } from '../../director/store/store.ts';
import { newTask } from '../support/task-world.ts';
import type { Figure } from './figure.ts';
import { inFolder } from './in-folder.ts';

// How fast the store is, and how long it keeps everybody else waiting.

interface Timing {
  what: string;
  perS?: number;
  mibPerS?: number;
  wallMs: number;
  /** Of this process: what is steady on a machine that others use as well. */
  cpuMs: number;
  /** The longest that the event loop stood still. */
  loopMs: number;
}

const tasks = 1000;
const instances = 10_000;
const deployments = 1000;
const outputMib = 32;
const intents = 200;

async function measureStore(store: Store): Promise<Timing[]> {
  const output = await givenTask(store);
  return [
    // One queued task taken and ended, one after the other.
    await timed('claim and finish', () => claimAll(store), { count: tasks }),
    // As the output writer does, and as the CLI reads.
    await timed('append output, 16 KiB at a time', () => append(store, output), { mib: outputMib }),
    await timed('read output, 64 KiB at a time', () => readOutput(store, output), { mib: outputMib }),
    // Each with a spec of 8 KiB, a disk, an address, and (all but a few) a VM.
    await timed('create instances, 10 a transaction', () => createInstances(store), { count: instances }),
    // What "intent first" costs per VM.
    await timed('record a VM before its creation', () => recordIntents(store), { count: intents }),
    await timed('load all instances', () => store.instances.all(), { count: instances }),
    await timed('load a deployment of 10', () => store.instances.ofDeployment('deployment-7'), { count: 1 }),
  ];
}

async function timed(
  what: string,
  work: () => Promise<unknown>,
  of: { count?: number; mib?: number },
): Promise<Timing> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  const cpu = process.cpuUsage();
  const from = performance.now();
  delay.enable();
  await work();
  await new Promise((resolve) => setTimeout(resolve, 20)); // so that the monitor sees the last turn
  delay.disable();
  const ms = performance.now() - from - 20;
  const used = process.cpuUsage(cpu);
  return {
    what,
    ...(of.count === undefined ? {} : { perS: Math.round((of.count / ms) * 1000) }),
    ...(of.mib === undefined ? {} : { mibPerS: Math.round((of.mib / ms) * 1000) }),
    wallMs: Math.round(ms),
    cpuMs: Math.round((used.user + used.system) / 1000),
    loopMs: Math.round(delay.max / 1e6),
  };
}

async function givenTask(store: Store): Promise<TaskId> {
  const { id: task } = await store.tasks.create(newTask('output'), Date.now());
  await store.tasks.requestCancel(task, Date.now()); // not to be claimed
  return task;
}

async function claimAll(store: Store): Promise<void> {
  await store.atomically(async (inside) => {
    for (let i = 0; i < tasks; i++) await inside.tasks.create(newTask('bench'), Date.now());
  });
  for (;;) {
    const claimed = await store.tasks.claim({
      owner: 'bench',
      lanes: ['urgent', 'normal'],
      leaseMs: 60_000,
      nowMs: Date.now(),
    });
    if (claimed === undefined) return;
    await store.tasks.finish(claimed.lease, { state: 'done', result: null, nowMs: Date.now() });
  }
}

async function append(store: Store, task: TaskId): Promise<void> {
  const portion = Buffer.alloc(16 * 1024, 'a line of debug output\n');
  for (let at = 0; at < outputMib * 1024 * 1024; at += portion.length) {
    await store.tasks.appendOutput(task, 'debug', portion);
  }
}

async function readOutput(store: Store, task: TaskId): Promise<void> {
  const bytesMax = 64 * 1024;
  for (let from = 0; from < outputMib * 1024 * 1024; from += bytesMax) {
    await store.tasks.output(task, 'debug', { from, bytesMax });
  }
}

const instanceId = (n: number) => id<InstanceId>(`instance-${n}`);

async function createInstances(store: Store): Promise<void> {
  const spec = { rendered: 'x'.repeat(8 * 1024) };
  const perDeployment = instances / deployments;
  for (let d = 0; d < deployments; d++) {
    await store.atomically(async (inside) => {
      const deployment = id<DeploymentName>(`deployment-${d}`);
      await inside.deployments.create(deployment, [], 0);
      const numbers = Array.from({ length: perDeployment }, (_, i) => d * perDeployment + i);
      await inside.instances.create(
        numbers.map((n) => ({
          id: instanceId(n),
          deployment,
          group: 'apps',
          index: n % perDeployment,
          az: 'z1',
          state: 'started' as const,
          bootstrap: n % perDeployment === 0,
          ignore: false,
          compilation: false,
          updateCompleted: true,
          spec,
        })),
      );
      await inside.instances.reserve(
        numbers.map((n) => ({
          address: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
          network: 'default',
          static: false,
          instanceId: instanceId(n),
          taskId: null,
        })),
      );
      for (const n of numbers) {
        await inside.instances.recordDisk({
          key: `disk-${n}`,
          cid: null,
          instanceId: instanceId(n),
          state: 'live',
          active: true,
          sizeMib: 1,
          cloudProperties: {},
          name: '',
          cpi: '',
        });
        if (n >= intents) await recordVm(inside, n);
      }
    });
  }
}

async function recordIntents(store: Store): Promise<void> {
  for (let n = 0; n < intents; n++) await recordVm(store, n);
}

function recordVm(store: Store, n: number): Promise<void> {
  return store.instances.recordVm({
    agentId: id<AgentId>(randomUUID()),
    cid: id<VmCid>(`vm-${n}`),
    instanceId: instanceId(n),
    state: 'creating',
    active: true,
    cpi: '',
    stemcell: { name: 's', version: '1', cid: id<StemcellCid>('sc'), apiVersion: 3 },
    cloudProperties: { cpu: 2, ram: 4096 },
    networks: { default: { ip: '10.0.0.1' } },
    env: {},
    permanentCredentials: true,
    createdAtMs: n,
  });
}

/** SQLite in a temporary folder: what a director on one machine has. */
export async function benchStore(): Promise<Figure[]> {
  return inFolder(async (folder) => {
    const store = await openStore(
      { kind: 'sqlite', path: join(folder, 'gantry.db') },
      { clock: systemClock, log: silentLog },
    );
    try {
      return (await measureStore(store)).flatMap(({ what, perS, mibPerS, cpuMs, loopMs }) => [
        ...(perS === undefined ? [] : [{ what, value: perS, unit: 'per s' }]),
        ...(mibPerS === undefined ? [] : [{ what, value: mibPerS, unit: 'MiB/s' }]),
        { what: `${what}: processor time`, value: cpuMs, unit: 'ms' },
        { what: `${what}: longest stop of the event loop`, value: loopMs, unit: 'ms' },
      ]);
    } finally {
      await store.close();
    }
  });
}
