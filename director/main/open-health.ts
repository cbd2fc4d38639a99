import type { InstanceWatch } from '../explain/facts.ts';
import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import type { Log } from '../../common/log.ts';
import type { Bus } from '../bus/bus.ts';
import type { Heartbeats } from '../bus/heartbeats.ts';
import type { DirectorConfig } from '../config.ts';
import { openHealth, type Health } from '../health/health.ts';
import { healthMonitorUser } from '../health/notifiers/event-logger.ts';
import { openNotifiers } from '../health/notifiers/open-notifiers.ts';
import type { ScanAndFix } from '../health/resurrector.ts';
import { enqueueScanAndFix, type ScanAndFixDeps } from '../problems/enqueue-scan-and-fix.ts';
import { isResurrectionPaused } from '../problems/resurrection.ts';
import type { Store } from '../store/store.ts';

export interface OpenHealthDeps {
  store: Store;
  bus: Bus;
  heartbeats: Heartbeats;
  tasks: ScanAndFixDeps['tasks'];
  clock: Clock;
  chance: Chance;
  log: Log;
}

/** The health monitor, as the config has it; null: this director does not watch. */
export async function openHealthMonitor(
  { name, health, events }: Pick<DirectorConfig, 'name' | 'health' | 'events'>,
  { bus, tasks, ...deps }: OpenHealthDeps,
): Promise<Health | null> {
  if (!health.enabled) return null;
  const { store, clock, log } = deps;
  const notifiers = await openNotifiers(health.notifiers, {
    director: name,
    events: events.record ? store.events : null,
    clock,
    log,
  });
  const { intervals: of, resurrector, alertsPerSecond, alertsPerAgentMinute } = health;
  const scanAndFix = scanAndFixOf(store, tasks);
  return openHealth(
    { ...deps, connection: await bus.connect('health-monitor'), notifiers, scanAndFix },
    {
      alertsPerSecond,
      alertsPerAgentMinute,
      resurrector: resurrector.enabled
        ? { ...resurrector, timeThresholdMs: resurrector.timeThresholdSeconds * 1000 }
        : null,
      intervals: {
        pollMs: of.pollDirectorSeconds * 1000,
        graceMs: of.pollGracePeriodSeconds * 1000,
        analyzeAgentsMs: of.analyzeAgentsSeconds * 1000,
        analyzeInstancesMs: of.analyzeInstancesSeconds * 1000,
        agentTimeoutMs: of.agentTimeoutSeconds * 1000,
        rogueAfterMs: of.rogueAgentAlertSeconds * 1000,
        pruneMs: of.pruneEventsSeconds * 1000,
        statsMs: of.logStatsSeconds * 1000,
      },
    },
  );
}

/** What explanations of instances are made of. */
export function watchOf(
  health: Health | null,
  heartbeats: Heartbeats,
  { health: { resurrector } }: Pick<DirectorConfig, 'health'>,
): InstanceWatch {
  return {
    heartbeat: (agentId) => {
      const seen = heartbeats.last(agentId);
      return seen === undefined ? null : { atMs: seen.atMs, jobState: seen.heartbeat.job_state };
    },
    of: async ({ deployment, group, disks }) => {
      if (health === null) return null;
      const outlook = await health.outlook(deployment, group);
      const isLeftAlone = !resurrector.fixStateful && disks.some(({ active }) => active);
      return outlook.resurrection.kind === 'acts' && isLeftAlone
        ? { ...outlook, resurrection: { kind: 'stateful' } }
        : outlook;
    },
  };
}

/** The tasks of resurrection, as the monitor sees them. */
export function scanAndFixOf(store: Store, tasks: ScanAndFixDeps['tasks']): ScanAndFix {
  const [types, states] = [['cck_scan_and_fix'], ['queued', 'processing', 'cancelling']] as const;
  return {
    paused: () => isResurrectionPaused(store),
    underWay: async (deployment) => (await store.tasks.list({ deployment, types, states, limit: 1 })).length > 0,
    enqueue: async (name, jobs) => {
      const deployment = await store.deployments.get(name);
      if (deployment !== undefined)
        await enqueueScanAndFix({ store, tasks }, { deployment, jobs, user: healthMonitorUser });
    },
  };
}
