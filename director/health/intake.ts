import { subjects } from '../../agent/protocol.ts';
import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import { id, type AgentId } from '../../common/ids.ts';
import type { Log } from '../../common/log.ts';
import type { BusConnection } from '../bus/bus.ts';
import type { Heartbeats, SeenHeartbeat } from '../bus/heartbeats.ts';
import type { EventProcessor } from './event-processor.ts';
import { alertOf, readAlert, type SentAlert } from './events.ts';
import { agentLabel, type Fleet, type WatchedAgent } from './fleet.ts';

/** Ours have half a KiB. */
const alertBytesMax = 65_536;

export interface IntakeLimits {
  /** Of all agents together; up to ten times as many at once. */
  alertsPerSecond: number;
  alertsPerAgentMinute: number;
}

export interface IntakeFigures {
  heartbeats: number;
  /** Alerts that were left out, by why. */
  dropped: { total_limit: number; agent_limit: number; malformed: number; stranger: number };
}

export interface IntakeDeps {
  connection: BusConnection;
  heartbeats: Heartbeats;
  fleet: Fleet;
  processor: EventProcessor;
  clock: Clock;
  chance: Chance;
  log: Log;
}

/**
 * What agents and the director say of themselves, from the bus to the events of the processor. An agent that floods
 * costs a few microseconds for each message: what is too much is counted and read no further.
 */
export function openIntake(deps: IntakeDeps, limits: IntakeLimits): { figures: IntakeFigures; close: () => void } {
  const { connection, heartbeats, fleet, processor, clock, chance, log } = deps;
  const figures: IntakeFigures = {
    heartbeats: 0,
    dropped: { total_limit: 0, agent_limit: 0, malformed: 0, stranger: 0 },
  };
  const burst = limits.alertsPerSecond * 10;
  let allowed = { alerts: burst, atMs: clock.now() };
  const agentOf = (subject: string) => id<AgentId>(subject.slice(subject.lastIndexOf('.') + 1));

  /** Whether one more alert is all right for everybody. */
  function passes(): boolean {
    allowed = refilled(allowed, { perMs: limits.alertsPerSecond / 1000, max: burst, nowMs: clock.now() });
    if (allowed.alerts < 1) return false;
    allowed.alerts--;
    return true;
  }

  function passesFor(agent: WatchedAgent): boolean {
    const max = limits.alertsPerAgentMinute;
    const now = { perMs: max / 60_000, max, nowMs: clock.now() };
    agent.allowance = agent.allowance === null ? { alerts: max, atMs: now.nowMs } : refilled(agent.allowance, now);
    if (agent.allowance.alerts < 1) return false;
    agent.allowance.alerts--;
    return true;
  }

  function onAlert(subject: string, payload: Buffer): void {
    const agent = fleet.findOrMeet(agentOf(subject), clock.now());
    if (agent === undefined) return void figures.dropped.stranger++;
    if (!passesFor(agent)) return void figures.dropped.agent_limit++;
    if (!passes()) return void figures.dropped.total_limit++;
    const sent = read(subject, payload);
    if (sent === undefined) return;
    publish(sent, sent.source === undefined ? sourceOf(agent) : {});
  }

  function onDirectorAlert(subject: string, payload: Buffer): void {
    const sent = read(subject, payload);
    if (sent === undefined) return;
    if (sent.id === undefined || sent.summary === undefined) malformed(subject, payload);
    else publish(sent, {});
  }

  function read(subject: string, payload: Buffer): SentAlert | undefined {
    const sent = payload.length > alertBytesMax ? undefined : readAlert(payload);
    if (sent === undefined) malformed(subject, payload);
    return sent;
  }

  function malformed(subject: string, payload: Buffer): void {
    figures.dropped.malformed++;
    log.warn('alert-malformed', { subject, bytes: payload.length });
  }

  function publish(sent: SentAlert, from: ReturnType<typeof sourceOf> | object): void {
    const seen = processor.firstSight(sent.id);
    if (seen === undefined) return;
    const { severity, title, summary, source, deployment, created_at: createdAt } = sent;
    processor.process(
      alertOf({
        id: seen.id,
        severity,
        title,
        summary: summary ?? title,
        source: source ?? null,
        deployment: deployment ?? null,
        createdAt: Math.floor(createdAt),
        ...from,
      }),
    );
  }

  function onHeartbeat(agentId: AgentId, { atMs, heartbeat }: SeenHeartbeat): void {
    const agent = fleet.findOrMeet(agentId, atMs);
    if (agent === undefined) return;
    figures.heartbeats++;
    agent.updatedAtMs = atMs;
    agent.jobState = heartbeat.job_state;
    agent.processes = heartbeat.number_of_processes;
    const { instance } = agent;
    if (instance === null || !processor.wanted('heartbeat')) return;
    processor.process({
      kind: 'heartbeat',
      id: chance.uuid(),
      timestamp: Math.floor(atMs / 1000),
      agentId,
      deployment: instance.deployment,
      job: instance.group,
      instanceId: instance.id,
      teams: fleet.deployment(instance.deployment)?.teams ?? [],
      heartbeat,
    });
  }

  const subscriptions = [
    connection.subscribe(subjects.alert('*'), onAlert),
    connection.subscribe(subjects.shutdown('*'), (subject) => {
      const agentId = agentOf(subject);
      if (fleet.find(agentId) === undefined) return;
      log.info('agent-shuts-down', { agentId });
      fleet.remove(agentId);
    }),
    connection.subscribe(subjects.directorAlert, onDirectorAlert),
  ];
  const stopListening = heartbeats.onHeartbeat(onHeartbeat);
  return {
    figures,
    close: () => {
      stopListening();
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}

function sourceOf(agent: WatchedAgent) {
  const { instance } = agent;
  return {
    source: agentLabel(agent),
    deployment: instance?.deployment ?? null,
    job: instance?.group ?? null,
    instanceId: instance?.id ?? null,
  };
}

function refilled(
  { alerts, atMs }: { alerts: number; atMs: number },
  { perMs, max, nowMs }: { perMs: number; max: number; nowMs: number },
): { alerts: number; atMs: number } {
  return { alerts: Math.min(max, alerts + Math.max(0, nowMs - atMs) * perMs), atMs: nowMs };
}
