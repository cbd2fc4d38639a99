import type { RequestHandler } from 'express';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../../common/clock.ts';
import { messageOf } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import type { HealthCounts } from '../health/counts.ts';
import type { Health } from '../health/health.ts';
import { isResurrectionPaused } from '../problems/resurrection.ts';
import type { Store } from '../store/store.ts';
import { dynamicAddresses } from './dynamic-addresses.ts';

export interface MetricsDeps {
  store: Pick<Store, 'attribute' | 'configs' | 'tasks' | 'instances'>;
  /** Null: this director does not watch. */
  health: Pick<Health, 'counts' | 'figures'> | null;
  clock: Clock;
  log: Log;
}

export interface Metrics {
  readonly contentType: string;
  /** All of it, in Prometheus' text format. */
  text(): Promise<string>;
  /** Takes the time of each request of the API. */
  readonly observeRequests: RequestHandler;
}

/** What is counted in the store is counted once in this time, however often somebody asks. BOSH: 30 s. */
const storeEveryMs = 15_000;

const healthHelp: Record<keyof HealthCounts, string> = {
  unresponsive_agents: 'Agents that are silent, by deployment',
  unhealthy_agents: 'Agents that say they run, with no process, by deployment',
  total_available_agents: 'Agents, by deployment; unmanaged: of none',
  failing_instances: 'Instances whose jobs fail, by deployment',
  stopped_instances: 'Instances that are stopped, by deployment',
  unknown_instances: 'Instances whose agent has said nothing yet, by deployment',
};

/** BOSH's metrics by BOSH's names, those of this director as `gantry_*`, those of its process as `process_*` and `nodejs_*`. */
export function openMetrics({ store, health, clock, log }: MetricsDeps): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge<L>({ name, help, labelNames, registers: [register] });
  const deployConfig = gauge('bosh_deploy_config_enabled', 'Whether there is a config of type deploy');
  const resurrection = gauge('bosh_resurrection_enabled', 'Whether resurrection is on for the whole director');
  const tasks = gauge('bosh_tasks_total', 'Tasks that wait or run, by type', 'state', 'type');
  const ips = gauge('bosh_networks_dynamic_ips_total', 'Addresses that the director may choose, by network', 'name');
  const freeIps = gauge('bosh_networks_dynamic_free_ips_total', 'Those that are free', 'name');
  const byHealth = Object.entries(healthHelp).map(
    ([what, help]) => [what as keyof HealthCounts, gauge(`bosh_${what}`, help, 'name')] as const, // its own keys
  );
  const heartbeats = gauge('gantry_health_heartbeats', 'Heartbeats that were taken since the start');
  const alerts = gauge('gantry_health_alerts', 'Alerts that were told since the start');
  const dropped = gauge('gantry_health_alerts_dropped', 'Alerts of agents that were left out, by why', 'why');
  const queued = gauge('gantry_notifier_queued', 'Events that wait for a notifier', 'notifier');
  const told = gauge('gantry_notifier_events', 'Events since the start, by what became of them', 'notifier', 'outcome');
  const failures = new Counter({
    name: 'gantry_metrics_failures',
    help: 'How often the store could not be asked for metrics',
    registers: [register],
  });
  const requests = new Histogram({
    name: 'gantry_api_request_seconds',
    help: 'Time until the answer of the API was handed over',
    labelNames: ['method', 'status'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [register],
  });

  let storeAskedMs = -Infinity;

  async function ofStore(): Promise<void> {
    if (clock.now() - storeAskedMs < storeEveryMs) return;
    storeAskedMs = clock.now();
    deployConfig.set((await store.configs.currentOf('deploy', 'all')).length > 0 ? 1 : 0);
    resurrection.set((await isResurrectionPaused(store)) ? 0 : 1);
    const counts = await store.tasks.counts();
    tasks.reset();
    for (const { type } of counts) for (const state of ['processing', 'queued']) tasks.set({ state, type }, 0);
    for (const { state, type, count } of counts)
      if (state === 'processing' || state === 'queued') tasks.set({ state, type }, count);
    const networks = await dynamicAddresses(store);
    for (const one of [ips, freeIps]) one.reset();
    for (const { name, total, free } of networks) {
      ips.set({ name }, total);
      freeIps.set({ name }, free);
    }
  }

  function ofHealth(): void {
    const counts = health?.counts();
    for (const [what, one] of byHealth) {
      one.reset();
      for (const [name, count] of Object.entries(counts?.[what] ?? {})) one.set({ name }, count);
    }
    if (health === null) return;
    const figures = health.figures();
    heartbeats.set(figures.intake.heartbeats);
    alerts.set(figures.alerts);
    for (const [why, count] of Object.entries(figures.intake.dropped)) dropped.set({ why }, count);
    for (const { name: notifier, ...of } of figures.notifiers) {
      queued.set({ notifier }, of.queued);
      for (const outcome of ['sent', 'dropped', 'failed'] as const) told.set({ notifier, outcome }, of[outcome]);
    }
  }

  return {
    contentType: register.contentType,
    text: async () => {
      ofHealth();
      try {
        await ofStore();
      } catch (thrown) {
        failures.inc(); // the rest is told: it is most wanted when something is wrong
        log.warn('metrics-failed', { error: messageOf(thrown) });
      }
      return register.metrics();
    },
    observeRequests: (req, res, next) => {
      const startedMs = performance.now();
      res.once('close', () => {
        const labels = { method: req.method, status: String(res.statusCode) };
        requests.observe(labels, (performance.now() - startedMs) / 1000);
      });
      next();
    },
  };
}
