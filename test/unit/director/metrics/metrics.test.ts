import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock, VirtualClock } from '../../../../common/clock.ts';
import { id } from '../../../../common/ids.ts';
import { silentLog } from '../../../../common/log.ts';
import type { Health } from '../../../../director/health/health.ts';
import { openMetrics } from '../../../../director/metrics/metrics.ts';
import { serveMetrics } from '../../../../director/metrics/serve.ts';
import { pauseResurrection } from '../../../../director/problems/resurrection.ts';
import { openStore } from '../../../../director/store/open-store.ts';
import type { Store } from '../../../../director/store/store.ts';
import { cloudConfigOf } from '../../../support/given-director.ts';
import { newTask } from '../../../support/task-world.ts';

let store: Store;
beforeEach(async () => {
  store = await openStore({ kind: 'sqlite', path: ':memory:' }, { clock: systemClock, log: silentLog });
});
afterEach(() => store.close());

const counts = {
  unresponsive_agents: { web: 1 },
  unhealthy_agents: { web: 0 },
  total_available_agents: { web: 3, unmanaged: 2 },
  failing_instances: { web: 0 },
  stopped_instances: { web: 0 },
  unknown_instances: { 'we"b\\\n': 1 },
};
const health = (known = true): Pick<Health, 'counts' | 'figures'> => ({
  counts: () => (known ? counts : undefined),
  figures: () => ({
    agents: { managed: 3, unmanaged: 2 },
    intake: { heartbeats: 7, dropped: { total_limit: 1, agent_limit: 2, malformed: 0, stranger: 0 } },
    alerts: 5,
    duplicates: 0,
    notifiers: [{ name: 'webhook', queued: 4, sent: 3, dropped: 2, failed: 1 }],
  }),
});

/** Prometheus' text format, line by line; what is not of it fails. */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const typed = new Set<string>();
  for (const line of text.split('\n')) {
    const [, name] = /^# TYPE ([a-zA-Z_:][\w:]*) (?:counter|gauge|histogram|summary)$/.exec(line) ?? [];
    if (name !== undefined) typed.add(name);
    if (line === '' || line.startsWith('#')) continue;
    const label = String.raw`[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"`;
    const sample = new RegExp(String.raw`^([a-zA-Z_:][\w:]*)(\{(?:${label}(?:,${label})*)?\})? (\S+)$`).exec(line);
    if (sample === null) throw new Error(`this is no sample: ${line}`);
    const [, metric = '', labels = '', value = ''] = sample;
    if (!typed.has(metric) && !typed.has(metric.replace(/_(bucket|sum|count)$/, '')))
      throw new Error(`no type: ${line}`);
    if (Number.isNaN(Number(value)) && value !== 'Nan') throw new Error(`no number: ${line}`);
    if (samples.has(metric + labels)) throw new Error(`twice: ${line}`);
    samples.set(metric + labels, Number(value));
  }
  return samples;
}

test('BOSH’s metrics by BOSH’s names, and those of our own', async () => {
  await store.configs.create({ type: 'deploy', name: 'default', content: '{}', team: null }, 0);
  await store.configs.create({ type: 'cloud', name: 'default', content: cloudConfigOf(), team: null }, 0);
  await store.tasks.create(newTask('vms'), 0);
  await store.tasks.create(newTask('vms'), 0);
  await store.deployments.create(id('web'), [], 0);
  const of = { deployment: id('web'), group: 'web', az: 'z1', state: 'started', bootstrap: true } as const;
  const instance = {
    ...of,
    id: id('i'),
    index: 0,
    ignore: false,
    compilation: false,
    updateCompleted: true,
    spec: null,
  };
  await store.instances.create([instance as never]);
  await store.instances.reserve([
    { address: '10.0.0.2', network: 'default', static: false, instanceId: id('i'), taskId: null },
  ]);
  const clock = new VirtualClock();
  const metrics = openMetrics({ store, health: health(), clock, log: silentLog });
  const samples = parse(await metrics.text());
  expect(Object.fromEntries(samples)).toMatchObject({
    bosh_deploy_config_enabled: 1,
    bosh_resurrection_enabled: 1,
    'bosh_tasks_total{state="queued",type="vms"}': 2,
    'bosh_tasks_total{state="processing",type="vms"}': 0,
    'bosh_networks_dynamic_ips_total{name="default"}': 253,
    'bosh_networks_dynamic_free_ips_total{name="default"}': 252,
    'bosh_unresponsive_agents{name="web"}': 1,
    'bosh_total_available_agents{name="unmanaged"}': 2,
    [String.raw`bosh_unknown_instances{name="we\"b\\\n"}`]: 1,
    gantry_health_heartbeats: 7,
    'gantry_health_alerts_dropped{why="agent_limit"}': 2,
    'gantry_notifier_queued{notifier="webhook"}': 4,
    'gantry_notifier_events{notifier="webhook",outcome="failed"}': 1,
  });
  expect([...samples.keys()]).toContain('nodejs_eventloop_lag_p99_seconds');
  expect([...samples.keys()]).toContain('process_resident_memory_bytes');

  // The store is asked now and then only.
  await pauseResurrection(store, true);
  expect(parse(await metrics.text()).get('bosh_resurrection_enabled')).toBe(1);
  await clock.advance(15_000);
  expect(parse(await metrics.text()).get('bosh_resurrection_enabled')).toBe(0);
});

test('when the store cannot be asked, all else is told', async () => {
  const broken = { ...store, attribute: () => Promise.reject(new Error('gone')) };
  const metrics = openMetrics({ store: broken, health: health(), clock: systemClock, log: silentLog });
  const samples = parse(await metrics.text());
  expect(samples.get('gantry_metrics_failures')).toBe(1);
  expect(samples.get('bosh_unresponsive_agents{name="web"}')).toBe(1);
});

test('they are served, with the endpoints of BOSH’s health monitor, which say nothing before it has looked', async () => {
  const metrics = openMetrics({ store, health: health(), clock: systemClock, log: silentLog });
  const at = { address: '127.0.0.1', port: 0 };
  const served = await serveMetrics({ metrics, health: health(), clock: systemClock }, at);
  const get = (path: string, port = served.port) => fetch(`http://127.0.0.1:${port}${path}`);
  try {
    const text = await get('/metrics');
    expect(text.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(parse(await text.text()).get('gantry_health_alerts')).toBe(5);
    expect(await (await get('/healthz')).text()).toMatch(/^Last pulse was [\d.]+ seconds ago$/);
    for (const [path, of] of Object.entries(counts)) expect(await (await get(`/${path}`)).json()).toEqual(of);
    expect((await get('/')).status).toBe(404);
    await expect(
      serveMetrics({ metrics, health: null, clock: systemClock }, { ...at, port: served.port }),
    ).rejects.toThrow(/cannot be served .*EADDRINUSE/);
  } finally {
    await served.close();
  }
  const early = await serveMetrics({ metrics, health: health(false), clock: systemClock }, at);
  expect((await get('/unresponsive_agents', early.port)).status).toBe(503);
  await early.close();
});
