import { seededChance } from '../../../common/chance.ts';
import type { VirtualClock } from '../../../common/clock.ts';
import { silentLog } from '../../../common/log.ts';
import type { Alert } from '../../../director/health/events.ts';
import { openHealth, type HealthOptions } from '../../../director/health/health.ts';
import { eventLogger } from '../../../director/health/notifiers/event-logger.ts';
import { scanAndFixOf } from '../../../director/main/open-health.ts';
import type { givenDirector } from '../given-director.ts';
import { boshIntervals, collector } from './given-health.ts';

type Director = Pick<Awaited<ReturnType<typeof givenDirector>>, 'store' | 'bus' | 'heartbeats' | 'engine'> & {
  clock: VirtualClock;
};

/** A health monitor with BOSH's intervals, beside a director of virtual time. */
export async function watch({ store, bus, heartbeats, engine, clock }: Director, options: Partial<HealthOptions> = {}) {
  const { notifier, events } = collector();
  const health = openHealth(
    {
      store,
      connection: await bus.connect('health-monitor'),
      heartbeats,
      clock,
      chance: seededChance(7),
      log: silentLog,
      notifiers: [notifier, eventLogger(store.events)],
      scanAndFix: scanAndFixOf(store, engine),
    },
    {
      alertsPerSecond: 100,
      alertsPerAgentMinute: 60,
      intervals: boshIntervals,
      resurrector: { minimumDownJobs: 5, percentThreshold: 20, timeThresholdMs: 600_000 },
      ...options,
    },
  );
  return {
    health,
    titles: () => events.filter((event): event is Alert => event.kind === 'alert').map(({ title }) => title),
    /** Tasks of resurrection, oldest first. */
    scans: async () => (await store.tasks.list({ types: ['cck_scan_and_fix'] })).reverse(),
    async close() {
      const closing = health.close();
      await clock.runUntil(closing);
    },
  };
}
