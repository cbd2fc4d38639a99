import { metricsOf, severityName, type Alert, type EventKind, type HeartbeatEvent } from '../events.ts';
import { postJson } from './http-post.ts';
import type { Notifier } from './notifier.ts';

export interface DatadogOptions {
  name: string;
  url: string;
  wants: ReadonlySet<EventKind>;
  apiKey: string;
  applicationKey: string;
  /** `key:value`. */
  customTags: readonly string[];
  /** Whom grave events page. */
  pagerdutyServiceName?: string | undefined;
}

const grave: ReadonlySet<string> = new Set(['alert', 'critical', 'error']);

/** Heartbeats as metrics `bosh.healthmonitor.*`, alerts as events. */
export function datadog({ name, url, wants, apiKey, applicationKey, customTags, ...rest }: DatadogOptions): Notifier {
  const headers = { 'dd-api-key': apiKey, 'dd-application-key': applicationKey };
  const post = (path: string, body: object, signal: AbortSignal) =>
    postJson({ url: `${url.replace(/\/$/, '')}${path}`, headers, body: JSON.stringify(body), signal });
  return {
    name,
    wants,
    batchMax: 50, // some 200 KiB of metrics
    gatherMs: 1_000,
    send: async (events, signal) => {
      const series = events.flatMap((event) => (event.kind === 'heartbeat' ? seriesOf(event) : []));
      if (series.length > 0) await post('/api/v1/series', { series }, signal);
      for (const event of events) if (event.kind === 'alert') await post('/api/v1/events', eventOf(event), signal);
    },
  };

  function seriesOf(event: HeartbeatEvent): object[] {
    const { job, instanceId, deployment, agentId, teams, heartbeat } = event;
    const tags = [
      `job:${job}`,
      `index:${heartbeat.index ?? ''}`,
      `id:${instanceId}`,
      `deployment:${deployment}`,
      `agent:${agentId}`,
      ...teams.map((team) => `team:${team}`),
      ...customTags,
    ];
    return metricsOf(event).map(({ name: metric, value, timestamp }) => ({
      metric: `bosh.healthmonitor.${metric}`,
      type: 'gauge',
      points: [[timestamp, Number(value)]],
      tags,
    }));
  }

  function eventOf(alert: Alert): object {
    const isGrave = grave.has(severityName(alert));
    const { pagerdutyServiceName: whom } = rest;
    return {
      title: alert.title,
      text: isGrave && whom !== undefined ? `${alert.summary} @${whom}` : alert.summary,
      date_happened: alert.createdAt,
      tags: [`source:${alert.source ?? ''}`, `deployment:${alert.deployment ?? ''}`, ...customTags],
      priority: isGrave ? 'normal' : 'low',
      alert_type: isGrave ? 'error' : 'warning',
    };
  }
}
