import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import { messageOf } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import type { BusConnection } from '../bus/bus.ts';
import type { Heartbeats } from '../bus/heartbeats.ts';
import type { Store } from '../store/store.ts';
import { analyzeAgents, analyzeInstances, own, type AnalysisLimits, type Findings } from './analyze.ts';
import { countHealth, type HealthCounts } from './counts.ts';
import { EventProcessor } from './event-processor.ts';
import { every } from './every.ts';
import { Fleet } from './fleet.ts';
import { openIntake, type IntakeFigures, type IntakeLimits } from './intake.ts';
import type { MeltdownLimits } from './meltdown.ts';
import { NotifierQueue, type NotifierFigures } from './notifiers/notifier-queue.ts';
import type { Notifier } from './notifiers/notifier.ts';
import { ResurrectionRules } from './resurrection-rules.ts';
import { Resurrector, type ResurrectionVerdict, type ScanAndFix } from './resurrector.ts';

export interface HealthDeps {
  store: Pick<Store, 'deployments' | 'instances' | 'locks' | 'configs'>;
  /** The health monitor's: the director's own may not listen to agents. */
  connection: BusConnection;
  heartbeats: Heartbeats;
  clock: Clock;
  chance: Chance;
  log: Log;
  notifiers: readonly Notifier[];
  scanAndFix: ScanAndFix;
}

export interface HealthOptions extends IntakeLimits {
  /** Null: what is dead stays dead. */
  resurrector: MeltdownLimits | null;
  intervals: {
    pollMs: number;
    graceMs: number;
    analyzeAgentsMs: number;
    analyzeInstancesMs: number;
    agentTimeoutMs: number;
    rogueAfterMs: number;
    pruneMs: number;
    statsMs: number;
  };
}

export interface HealthFigures {
  agents: { managed: number; unmanaged: number };
  intake: IntakeFigures;
  /** That notifiers were to be told. */
  alerts: number;
  duplicates: number;
  notifiers: NotifierFigures[];
}

export interface Outlook {
  agentTimeoutMs: number;
  /** How often silent agents, and instances without a VM, are looked for. */
  judgesEveryMs: number;
  resurrection: ResurrectionVerdict;
}

/** The health monitor: who lives, who should, and telling of the difference. */
export interface Health {
  /** Undefined until it was first looked which instances there are. */
  counts(): HealthCounts | undefined;
  figures(): HealthFigures;
  /** What happens to instances of a group that die. */
  outlook(deployment: string, group: string): Promise<Outlook>;
  /** Who waits to be told is told, for a moment. */
  close(): Promise<void>;
}

/** How long notifiers may go on once the director was told to stop. */
const closeGraceMs = 2_000;

/** Starts watching, and judging after the grace period. Source of all it does: bosh-monitor. */
export function openHealth(deps: HealthDeps, options: HealthOptions): Health {
  const { clock, chance, log } = deps;
  const { intervals } = options;
  const limits: AnalysisLimits = { agentTimeoutMs: intervals.agentTimeoutMs, rogueAfterMs: intervals.rogueAfterMs };
  const fleet = new Fleet();
  const queues = deps.notifiers.map((notifier) => new NotifierQueue(notifier, { clock, log }));
  const processor = new EventProcessor(queues, { clock, chance });
  const intake = openIntake({ ...deps, fleet, processor }, options);
  const rules = new ResurrectionRules(deps.store.configs, log);
  const resurrector =
    options.resurrector === null ? null : new Resurrector({ ...deps, fleet, processor, rules }, options.resurrector);
  let synced = false;

  /** False: the store could not be read, and nothing may be judged by what was there before. */
  async function look(): Promise<boolean> {
    try {
      const [names, locks, instances] = [
        await deps.store.deployments.names(),
        await deps.store.locks.list(clock.now()),
        await deps.store.instances.watched(),
      ];
      const locked = new Set(locks.map(({ name }) => name));
      const deployments = names.map((one) => ({ ...one, locked: locked.has(`lock:deployment:${one.name}`) }));
      fleet.sync({ deployments, instances }, clock.now());
      synced = true;
      return true;
    } catch (thrown) {
      log.error('health-look-failed', { error: messageOf(thrown) });
      const title = 'Health monitor failed to connect to director';
      const about = { severity: 3, title, summary: messageOf(thrown), source: 'hm' };
      processor.process(own(about, { nowMs: clock.now(), chance }));
      return false;
    }
  }

  /** By what is there now: an instance that a deploy has just changed is not judged by what it was. */
  async function judge(analyze: (nowMs: number) => Findings): Promise<void> {
    if (!(await look())) return;
    const { alerts, unhealthy } = analyze(clock.now());
    for (const alert of alerts) processor.process(alert);
    for (const one of unhealthy) {
      processor.process(one.alert);
      await resurrector?.act(one).catch((thrown: unknown) => {
        log.error('resurrector-failed', { deployment: one.deployment, error: messageOf(thrown) });
      });
    }
  }

  const judgeAgents = () => judge((nowMs) => analyzeAgents(fleet, limits, { nowMs, chance }));
  const judgeInstances = () => judge((nowMs) => analyzeInstances(fleet, { nowMs, chance }));

  const figures = (): HealthFigures => ({
    agents: fleet.sizes,
    intake: intake.figures,
    alerts: processor.figures.alerts,
    duplicates: processor.figures.duplicates,
    notifiers: queues.map((queue) => queue.figures),
  });

  void look();
  const stops = [
    every(clock, intervals.pollMs, async () => void (await look())),
    every(clock, intervals.pruneMs, () => processor.prune(intervals.pruneMs)),
    every(clock, intervals.statsMs, () => log.info('health-stats', { ...fleet.sizes, ...statsOf(figures()) })),
  ];
  const grace = clock.after(intervals.graceMs, () => {
    stops.push(every(clock, intervals.analyzeAgentsMs, judgeAgents));
    stops.push(every(clock, intervals.analyzeInstancesMs, judgeInstances));
  });

  return {
    counts: () => (synced ? countHealth(fleet, clock.now(), limits) : undefined),
    figures,
    outlook: async (deployment, group) => ({
      agentTimeoutMs: intervals.agentTimeoutMs,
      judgesEveryMs: Math.max(intervals.analyzeAgentsMs, intervals.analyzeInstancesMs),
      resurrection: (await resurrector?.verdict(deployment, group)) ?? { kind: 'off' },
    }),
    close: async () => {
      grace.cancel();
      for (const stop of stops) stop();
      intake.close();
      await Promise.all(queues.map((queue) => queue.close(closeGraceMs)));
    },
  };
}

/** What a line of the log tells of it. */
function statsOf({ intake, alerts, notifiers }: HealthFigures): Record<string, unknown> {
  const undelivered = notifiers.filter(({ dropped, failed }) => dropped + failed > 0);
  const lost = undelivered.map(({ name, dropped, failed }) => [name, { dropped, failed }]);
  return {
    heartbeats: intake.heartbeats,
    alerts,
    dropped: Object.values(intake.dropped).reduce((sum, n) => sum + n, 0),
    ...(lost.length === 0 ? {} : { undelivered: Object.fromEntries(lost) as object }),
  };
}
