import type { Heartbeat } from '../../../agent/protocol.ts';
import { seededChance } from '../../../common/chance.ts';
import { VirtualClock } from '../../../common/clock.ts';
import {
  id,
  type AgentId,
  type DeploymentName,
  type InstanceId,
  type StemcellCid,
  type VmCid,
} from '../../../common/ids.ts';
import { OperatorError } from '../../../common/errors.ts';
import { silentLog } from '../../../common/log.ts';
import type { BusConnection, MessageHandler } from '../../../director/bus/bus.ts';
import { listenToHeartbeats } from '../../../director/bus/heartbeats.ts';
import { toWire, type Alert, type HealthEvent } from '../../../director/health/events.ts';
import { openHealth, type HealthOptions } from '../../../director/health/health.ts';
import type { Notifier } from '../../../director/health/notifiers/notifier.ts';
import type { ScanAndFix } from '../../../director/health/resurrector.ts';
import { openStore } from '../../../director/store/open-store.ts';
import type { Instance } from '../../../director/store/instances.ts';

/** The health monitor's own connection, without a bus: what agents say is handed to it. */
export class HeardConnection implements BusConnection {
  readonly #handlers = new Map<string, Set<MessageHandler>>();

  hear(subject: string, message: unknown): void {
    const payload = Buffer.isBuffer(message) ? message : Buffer.from(JSON.stringify(message));
    for (const [pattern, handlers] of this.#handlers) {
      const fits = pattern.endsWith('*') ? subject.startsWith(pattern.slice(0, -1)) : subject === pattern;
      if (fits) for (const handler of handlers) handler(subject, payload);
    }
  }

  subscribe(subject: string, handler: MessageHandler) {
    const handlers = this.#handlers.get(subject) ?? new Set();
    this.#handlers.set(subject, handlers.add(handler));
    return { unsubscribe: () => void handlers.delete(handler) };
  }

  publish(): void {
    throw new Error('the health monitor may publish nothing');
  }

  flush = () => Promise.resolve();
  close = () => Promise.resolve();
}

/** Keeps what it is told. */
export function collector(wants: ReadonlyArray<HealthEvent['kind']> = ['alert']) {
  const events: HealthEvent[] = [];
  const notifier: Notifier = {
    name: 'collector',
    wants: new Set(wants),
    batchMax: 1_000,
    gatherMs: 0,
    send: (batch) => {
      events.push(...batch);
      return Promise.resolve();
    },
  };
  return { notifier, events };
}

/** BOSH's own defaults. */
export const boshIntervals: HealthOptions['intervals'] = {
  pollMs: 60_000,
  graceMs: 30_000,
  analyzeAgentsMs: 60_000,
  analyzeInstancesMs: 60_000,
  agentTimeoutMs: 60_000,
  rogueAfterMs: 120_000,
  pruneMs: 30_000,
  statsMs: 60_000,
};

export interface GivenInstance extends Partial<Pick<Instance, 'state' | 'compilation' | 'ignore'>> {
  deployment?: string;
  group?: string;
  index: number;
  /** Null: it has no VM. */
  agent: string | null;
  lifecycle?: 'service' | 'errand' | null;
}

/** A monitor in virtual time, on a store in memory, with BOSH's intervals. */
export async function givenHealth({
  wants = ['alert'],
  ...limits
}: { wants?: Array<HealthEvent['kind']> } & Partial<HealthOptions> = {}) {
  const clock = new VirtualClock();
  const [log, chance] = [silentLog, seededChance(1)];
  const store = await openStore({ kind: 'sqlite', path: ':memory:' }, { clock, log });
  const connection = new HeardConnection();
  const heartbeats = listenToHeartbeats(connection, { clock, log });
  const { notifier, events } = collector(wants);
  const options: HealthOptions = {
    alertsPerSecond: 100,
    alertsPerAgentMinute: 60,
    intervals: boshIntervals,
    resurrector: null,
    ...limits,
  };
  const broken = { store: false };
  const failing = <T extends object>(of: T): T =>
    new Proxy(of, {
      get: (target, key) => {
        if (broken.store) return () => Promise.reject(new Error('the disk is gone'));
        return Reflect.get(target, key) as unknown;
      },
    });
  const watched = {
    deployments: failing(store.deployments),
    instances: failing(store.instances),
    locks: failing(store.locks),
    configs: store.configs,
  };
  /** What the resurrector asks for, and how it is answered. */
  const scans = {
    paused: false,
    underWay: new Set<string>(),
    refuses: false,
    asked: [] as Array<{ deployment: string; jobs: Record<string, string[]> }>,
  };
  const scanAndFix: ScanAndFix = {
    paused: () => Promise.resolve(scans.paused),
    underWay: (deployment) => Promise.resolve(scans.underWay.has(deployment)),
    enqueue: (deployment, jobs) => {
      if (scans.refuses) return Promise.reject(new OperatorError('not now', { code: 'resurrection-paused' }));
      scans.asked.push({ deployment, jobs });
      return Promise.resolve();
    },
  };
  const open = () =>
    openHealth(
      { store: watched, connection, heartbeats, clock, chance, log, notifiers: [notifier], scanAndFix },
      options,
    );
  let health: ReturnType<typeof open> | undefined;
  const given = {
    clock,
    store,
    connection,
    broken,
    events,
    scans,
    /** Begins to watch. */
    async start() {
      health = open();
      await clock.advance(0);
    },
    get health() {
      if (health === undefined) throw new Error('it was not started');
      return health;
    },
    async instance({ deployment = 'web', group = 'web', index, agent, lifecycle = 'service', ...more }: GivenInstance) {
      const instanceId = id<InstanceId>(`${deployment}-${group}-${index}`);
      await store.deployments.create(id<DeploymentName>(deployment), ['ateam'], 0);
      await store.instances.create([
        {
          id: instanceId,
          deployment: id<DeploymentName>(deployment),
          group,
          index,
          az: 'z1',
          state: more.state ?? 'started',
          bootstrap: index === 0,
          ignore: more.ignore ?? false,
          compilation: more.compilation ?? false,
          updateCompleted: true,
          spec: lifecycle === null ? null : { lifecycle },
        },
      ]);
      if (agent !== null) await given.vm(instanceId, agent);
    },
    async vm(instanceId: string, agent: string) {
      await store.instances.recordVm({
        agentId: id<AgentId>(agent),
        cid: id<VmCid>(`vm-of-${agent}`),
        instanceId: id<InstanceId>(instanceId),
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
    },
    beat(agent: string, more: Partial<Heartbeat> = {}) {
      connection.hear(`hm.agent.heartbeat.${agent}`, {
        deployment: 'web',
        job: 'web',
        index: 0,
        job_state: 'running',
        vitals: {},
        node_id: '',
        number_of_processes: 1,
        ...more,
      });
    },
    /** So many seconds pass, while these agents beat every 30 s. */
    async pass(seconds: number, ...beating: string[]) {
      for (let left = seconds; left > 0; left -= 30) {
        beating.forEach((agent) => given.beat(agent));
        await clock.advance(Math.min(left, 30) * 1000);
      }
    },
    /** What was told since this was asked last. */
    told(): HealthEvent[] {
      return events.splice(0);
    },
    alerts(): Array<Record<string, unknown>> {
      return given
        .told()
        .filter((event): event is Alert => event.kind === 'alert')
        .map(toWire);
    },
    titles(): string[] {
      return given.alerts().map(({ title }) => String(title));
    },
    async close() {
      const closing = health?.close();
      await clock.advance(5_000);
      await closing;
      heartbeats.close();
      await store.close();
    },
  };
  return given;
}
