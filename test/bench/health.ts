import { randomUUID } from 'node:crypto';
import { systemChance } from '../../common/chance.ts';
import { systemClock } from '../../common/clock.ts';
import {
  id,
  type AgentId,
  type DeploymentName,
  type InstanceId,
  type StemcellCid,
  type VmCid,
} from '../../common/ids.ts';
import { silentLog } from '../../common/log.ts';
import type { BusConnection } from '../../director/bus/bus.ts';
import { listenToHeartbeats } from '../../director/bus/heartbeats.ts';
import { openHealth, type Health } from '../../director/health/health.ts';
import { eventLogger } from '../../director/health/notifiers/event-logger.ts';
import { logger } from '../../director/health/notifiers/logger.ts';
import { openStore } from '../../director/store/open-store.ts';
import type { Store } from '../../director/store/store.ts';
import { TaskEngine } from '../../director/tasks/engine.ts';
import { embeddedWaker } from '../../director/tasks/waker.ts';
import { apiOf } from '../support/api-of.ts';
import { givenEmbeddedBus } from '../support/bus/given-embedded-bus.ts';
import { MemoryBlobs } from '../support/memory-blobs.ts';
import type { Figure } from './figure.ts';

const agentsOfFleet = 10_000;
const heartbeatEveryMs = 30_000;
const floodPerSecond = 10_000;
const floodMs = 10_000;

interface Watched {
  store: Store;
  health: Health;
  agents: BusConnection[];
  agentIds: AgentId[];
  close: () => Promise<void>;
}

/** A monitor of so many agents on the embedded bus, all in this process. */
async function givenWatched(count: number): Promise<Watched> {
  const [clock, chance, log] = [systemClock, systemChance, silentLog];
  const store = await openStore({ kind: 'sqlite', path: ':memory:' }, { clock, log });
  const bus = await givenEmbeddedBus();
  const agentIds = Array.from({ length: count }, () => id<AgentId>(randomUUID()));
  await record(store, agentIds);
  const agents: BusConnection[] = [];
  for (const agentId of agentIds) {
    await bus.permit(agentId, { bootstrap: false });
    agents.push(bus.attach(agentId));
  }
  const heartbeats = listenToHeartbeats(await bus.connect('health-monitor'), { clock, log });
  const seconds = { agentTimeoutMs: 60, rogueAfterMs: 120, pruneMs: 30, statsMs: 60 };
  const intervals = Object.fromEntries(Object.entries(seconds).map(([key, s]) => [key, s * 1000])) as {
    [K in keyof typeof seconds]: number;
  };
  const health = openHealth(
    {
      store,
      connection: await bus.connect('health-monitor'),
      heartbeats,
      clock,
      chance,
      log,
      notifiers: [logger(log, new Set(['alert'])), eventLogger(store.events)],
      scanAndFix: {
        paused: () => Promise.resolve(true),
        underWay: () => Promise.resolve(false),
        enqueue: () => Promise.resolve(),
      },
    },
    {
      alertsPerSecond: 100,
      alertsPerAgentMinute: 60,
      resurrector: { minimumDownJobs: 5, percentThreshold: 20, timeThresholdMs: 600_000 },
      // Judged and looked at six times as often as by default: the bench is shorter than a minute.
      intervals: { ...intervals, pollMs: 10_000, graceMs: 0, analyzeAgentsMs: 10_000, analyzeInstancesMs: 10_000 },
    },
  );
  const close = async () => {
    await health.close();
    await bus.close();
    await store.close();
  };
  return { store, health, agents, agentIds, close };
}

async function record(store: Store, agentIds: readonly AgentId[]): Promise<void> {
  const deployment = id<DeploymentName>('fleet');
  await store.deployments.create(deployment, [], 0);
  await store.atomically(async (inside) => {
    await inside.instances.create(
      agentIds.map((agentId, index) => ({
        id: id<InstanceId>(`i-${agentId}`),
        deployment,
        group: 'web',
        index,
        az: 'z1',
        state: 'started' as const,
        bootstrap: index === 0,
        ignore: false,
        compilation: false,
        updateCompleted: true,
        spec: { lifecycle: 'service', properties: { filler: 'x'.repeat(4_000) } },
      })),
    );
    for (const agentId of agentIds) {
      await inside.instances.recordVm({
        agentId,
        cid: id<VmCid>(`vm-${agentId}`),
        instanceId: id<InstanceId>(`i-${agentId}`),
        state: 'live',
        active: true,
        cpi: '',
        stemcell: { name: 's', version: '1', cid: id<StemcellCid>('sc'), apiVersion: 3 },
        cloudProperties: {},
        networks: {},
        env: {},
        permanentCredentials: true,
        createdAtMs: 0,
      });
    }
  });
}

/** Every agent beats every 30 s, evenly spread, for a while. */
export async function benchHealth(tell: (figure: Figure) => void): Promise<void> {
  const before = process.memoryUsage().rss;
  const watched = await givenWatched(agentsOfFleet);
  const of = `${agentsOfFleet.toLocaleString('en-US')} agents`;
  try {
    await beat(watched, heartbeatEveryMs); // warm
    const cpu = process.cpuUsage();
    const { maxMs } = await beat(watched, heartbeatEveryMs);
    const { user, system } = process.cpuUsage(cpu);
    tell({
      what: `${of}: processor time, heartbeats and judging, of one core`,
      value: (user + system) / heartbeatEveryMs / 10,
      unit: '%',
    });
    tell({ what: `${of}: longest delay of the event loop`, value: maxMs, unit: 'ms' });
    const rss = (process.memoryUsage().rss - before) / 1024 ** 2;
    tell({ what: `${of}: memory, with bus, store and the agents’ own ends`, value: rss, unit: 'MiB' });
    const startedMs = performance.now();
    watched.health.counts();
    tell({ what: `${of}: counting them for metrics`, value: performance.now() - startedMs, unit: 'ms' });
    const { notifiers, alerts } = watched.health.figures();
    if (alerts > 0) throw new Error(`nobody was silent, and ${alerts} alerts were told (${JSON.stringify(notifiers)})`);
  } finally {
    await watched.close();
  }
}

async function beat({ agents, agentIds }: Watched, ms: number): Promise<{ maxMs: number }> {
  const stepMs = 10;
  const perStep = (agents.length * stepMs) / heartbeatEveryMs;
  const payload = Buffer.from(
    JSON.stringify({
      deployment: 'fleet',
      job: 'web',
      index: 0,
      job_state: 'running',
      vitals: {
        cpu: { sys: '0.1', user: '0.2', wait: '0.0' },
        load: ['0.1', '0.1', '0.1'],
        mem: { kb: '1', percent: '1' },
      },
      node_id: '',
      number_of_processes: 1,
    }),
  );
  let maxMs = 0;
  let sent = 0;
  const startedMs = performance.now();
  for (let atMs = startedMs; atMs - startedMs < ms; atMs = performance.now()) {
    const due = Math.floor(((atMs - startedMs) / stepMs) * perStep);
    for (; sent < due; sent++) {
      const at = sent % agents.length;
      agents[at]?.publish(`hm.agent.heartbeat.${agentIds[at]}`, payload);
    }
    await systemClock.sleep(stepMs);
    maxMs = Math.max(maxMs, performance.now() - atMs - stepMs);
  }
  return { maxMs };
}

/** Agents send ten thousand alerts a second while a client asks the API, all in this process. */
export async function benchAlerts(tell: (figure: Figure) => void): Promise<void> {
  const watched = await givenWatched(100);
  const api = await givenServedApi(watched.store);
  try {
    const quiet = await waits(api, 2_000);
    const flooding = flood(watched);
    const loud = await waits(api, floodMs);
    await flooding;
    const { intake, notifiers, alerts } = watched.health.figures();
    const dropped = Object.values(intake.dropped).reduce((sum, n) => sum + n, 0);
    tell({ what: 'an API request, quiet: 99th percentile', value: percentile(quiet, 0.99), unit: 'ms' });
    tell({
      what: 'an API request, 10,000 alerts a second: 99th percentile',
      value: percentile(loud, 0.99),
      unit: 'ms',
    });
    tell({ what: 'an API request, 10,000 alerts a second: longest', value: Math.max(...loud), unit: 'ms' });
    tell({ what: 'alerts that were told', value: alerts, unit: '' });
    tell({ what: 'alerts that were left out, and counted', value: dropped, unit: '' });
    tell({
      what: 'events that a notifier dropped',
      value: notifiers.reduce((sum, one) => sum + one.dropped, 0),
      unit: '',
    });
  } finally {
    await api.close();
    await watched.close();
  }
}

async function flood({ agents, agentIds }: Watched): Promise<void> {
  const startedMs = performance.now();
  let sent = 0;
  for (let atMs = startedMs; atMs - startedMs < floodMs; atMs = performance.now()) {
    const due = Math.floor(((atMs - startedMs) / 1000) * floodPerSecond);
    for (; sent < due; sent++) {
      const at = sent % agents.length;
      const alert = {
        id: `alert-${sent}`,
        severity: 2,
        title: 'web - does not exist - restart',
        summary: 'process is not running',
        created_at: 1,
      };
      agents[at]?.publish(`hm.agent.alert.${agentIds[at]}`, JSON.stringify(alert));
    }
    await systemClock.sleep(5);
  }
}

/** The whole API over HTTP, without its tasks. */
async function givenServedApi(store: Store) {
  const engine = new TaskEngine(
    { store, clock: systemClock, log: silentLog, waker: embeddedWaker(), handlers: {} },
    { owner: 'bench', alone: true, recordEvents: true },
  );
  const api = await apiOf({ store, blobs: new MemoryBlobs(systemChance), engine });
  return { ask: () => api.ask('GET', '/deployments'), close: api.close };
}

async function waits(api: { ask: () => Promise<unknown> }, ms: number): Promise<number[]> {
  const taken: number[] = [];
  for (const endMs = performance.now() + ms; performance.now() < endMs;) {
    const askedMs = performance.now();
    await api.ask();
    taken.push(performance.now() - askedMs);
    await systemClock.sleep(5);
  }
  return taken;
}

function percentile(values: readonly number[], of: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * of))] ?? 0;
}
