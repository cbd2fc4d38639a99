import { Type, type Static } from 'typebox';
import Value from 'typebox/value';
import type { Heartbeat } from '../../agent/protocol.ts';
import type { AgentId } from '../../common/ids.ts';

// What the health monitor tells its notifiers: BOSH's events, with BOSH's keys on the wire.
// Source: bosh-monitor, events/alert.rb and events/heartbeat.rb.

export type HealthEvent = Alert | HeartbeatEvent;
export type EventKind = HealthEvent['kind'];

export interface Alert {
  readonly kind: 'alert';
  readonly id: string;
  /** 1 alert, 2 critical, 3 error, 4 warning; greater: of no consequence. */
  readonly severity: number;
  readonly category: 'vm_health' | 'deployment_health' | null;
  readonly title: string;
  readonly summary: string;
  readonly source: string | null;
  readonly deployment: string | null;
  /** The instance group. */
  readonly job: string | null;
  readonly instanceId: string | null;
  /** Seconds since the epoch. */
  readonly createdAt: number;
}

/** A heartbeat of an agent whose instance is known. */
export interface HeartbeatEvent {
  readonly kind: 'heartbeat';
  readonly id: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
  readonly agentId: AgentId;
  readonly deployment: string;
  readonly job: string;
  readonly instanceId: string;
  readonly teams: readonly string[];
  readonly heartbeat: Heartbeat;
}

export type NewAlert = Pick<Alert, 'id' | 'severity' | 'title' | 'createdAt'> & Partial<Alert>;

export function alertOf(alert: NewAlert): Alert {
  return {
    kind: 'alert',
    category: null,
    summary: alert.title,
    source: null,
    deployment: null,
    job: null,
    instanceId: null,
    ...alert,
  };
}

/** Longer ones would fill the memory of what was seen already. */
const idCharactersMax = 256;
const textCharactersMax = 16_384;

const OptionalText = Type.Optional(Type.Union([Type.String({ maxLength: textCharactersMax }), Type.Null()]));

/** As agents and the director send them; further keys are theirs. */
const SentAlert = Type.Object({
  id: Type.Optional(Type.Union([Type.String({ maxLength: idCharactersMax }), Type.Null()])),
  severity: Type.Integer({ minimum: 0 }),
  title: Type.String({ maxLength: textCharactersMax }),
  summary: OptionalText,
  created_at: Type.Number(),
  source: OptionalText,
  deployment: OptionalText,
});
export type SentAlert = Static<typeof SentAlert>;

/** Undefined: no alert at all. */
export function readAlert(payload: Buffer): SentAlert | undefined {
  try {
    const sent: unknown = JSON.parse(payload.toString());
    return Value.Check(SentAlert, sent) ? sent : undefined;
  } catch {
    return undefined;
  }
}

const severityNames: Readonly<Record<number, string>> = { 1: 'alert', 2: 'critical', 3: 'error', 4: 'warning' };

export const severityName = ({ severity }: Alert): string => severityNames[severity] ?? String(severity);

/** `2030-01-01 00:00:00 UTC`. */
const utc = (seconds: number) => new Date(seconds * 1000).toISOString().replace(/T(.{8}).*/, ' $1 UTC');

/** In one line. */
export function shortText(event: HealthEvent): string {
  if (event.kind === 'alert') return `Severity ${event.severity}: ${event.source ?? ''} ${event.title}`;
  const { job, instanceId, agentId, timestamp } = event;
  const index = event.heartbeat.index === null ? '' : ` index=${event.heartbeat.index}`;
  return `Heartbeat from ${job}/${instanceId} (agent_id=${agentId}${index}) @ ${utc(timestamp)}`;
}

export const alertText = (alert: Alert) =>
  `Alert @ ${utc(alert.createdAt)}, severity ${alert.severity}: ${alert.summary}`;

/** For a mail. */
export function plainText(event: HealthEvent): string {
  if (event.kind === 'heartbeat') return shortText(event);
  const { source, title, severity, summary, createdAt } = event;
  const first = source === null ? '' : `${source}\n`;
  return `${first}${title}\nSeverity: ${severity}\nSummary: ${summary}\nTime: ${utc(createdAt)}\n`;
}

export function toWire(event: HealthEvent): Record<string, unknown> {
  if (event.kind === 'heartbeat') return heartbeatToWire(event);
  const { kind, id, severity, category, title, summary, source, deployment, createdAt } = event;
  return { kind, id, severity, category, title, summary, source, deployment, created_at: createdAt };
}

function heartbeatToWire(event: HeartbeatEvent): Record<string, unknown> {
  const { heartbeat } = event;
  return {
    kind: 'heartbeat',
    id: event.id,
    timestamp: event.timestamp,
    deployment: event.deployment,
    agent_id: event.agentId,
    job: event.job,
    index: indexText(event),
    instance_id: event.instanceId,
    job_state: heartbeat.job_state,
    vitals: heartbeat.vitals ?? {},
    teams: event.teams,
    metrics: metricsOf(event).map((metric) => ({ ...metric, value: String(metric.value) })),
    number_of_processes: heartbeat.number_of_processes ?? null,
  };
}

export interface Metric {
  name: string;
  /** As the agent wrote it: mostly text. */
  value: string | number;
  /** Seconds since the epoch. */
  timestamp: number;
  tags: { job: string; index: string; id: string };
}

const indexText = ({ heartbeat }: HeartbeatEvent) => String(heartbeat.index ?? '');

/** What a heartbeat measured, and whether the instance is healthy. What the agent left out is left out. */
export function metricsOf(event: HeartbeatEvent): Metric[] {
  const { heartbeat, timestamp } = event;
  const { load, cpu, mem, swap, disk } = heartbeat.vitals ?? {};
  const values: Array<[name: string, value: unknown]> = [
    ['system.load.1m', Array.isArray(load) ? load[0] : undefined],
    ['system.cpu.user', cpu?.user],
    ['system.cpu.sys', cpu?.sys],
    ['system.cpu.wait', cpu?.wait],
    ['system.mem.percent', mem?.percent],
    ['system.mem.kb', mem?.kb],
    ['system.swap.percent', swap?.percent],
    ['system.swap.kb', swap?.kb],
    ...(['system', 'ephemeral', 'persistent'] as const).flatMap((name): Array<[string, unknown]> => [
      [`system.disk.${name}.percent`, disk?.[name]?.percent],
      [`system.disk.${name}.inode_percent`, disk?.[name]?.inode_percent],
    ]),
    ['system.healthy', heartbeat.job_state === 'running' ? 1 : 0],
  ];
  const tags = { job: event.job, index: indexText(event), id: event.instanceId };
  return values.flatMap(([name, value]) => (isValue(value) ? [{ name, value, timestamp, tags }] : []));
}

/** An agent may send anything; what is no number would break whoever reads a line of it. */
function isValue(value: unknown): value is string | number {
  return typeof value === 'number' || (typeof value === 'string' && /^-?[0-9.]+(?:e[+-]?[0-9]+)?$/i.test(value));
}
