import { subjects, type Heartbeat } from '../../agent/protocol.ts';
import type { Clock } from '../../common/clock.ts';
import { id, type AgentId } from '../../common/ids.ts';
import type { Log } from '../../common/log.ts';
import type { BusConnection } from './bus.ts';

export interface SeenHeartbeat {
  /** When it arrived, by our clock. */
  atMs: number;
  heartbeat: Heartbeat;
}

/** What agents last said of themselves. For `instances`, for the health monitor, and for who waits for a new VM. */
export interface Heartbeats {
  /** Undefined: none since this process began. */
  last(agentId: AgentId): SeenHeartbeat | undefined;
  /** Calls for each heartbeat of each agent, until the returned function is called. */
  onHeartbeat(listener: (agentId: AgentId, seen: SeenHeartbeat) => void): () => void;
  /** Calls once, at the next heartbeat of this agent, unless the returned function is called before. */
  onNext(agentId: AgentId, listener: () => void): () => void;
  /** The VM is gone. */
  forget(agentId: AgentId): void;
  close(): void;
}

/** Beyond, the one that was silent for longest is forgotten. Five times the largest directors known. */
const agentsMax = 50_000;
/** Ours have about 1 KiB. An agent is not trusted to be brief. */
const heartbeatBytesMax = 65_536;

/** @param connection the health monitor's: the director's own may not listen to heartbeats */
export function listenToHeartbeats(
  connection: BusConnection,
  { clock, log, limits = {} }: { clock: Clock; log: Log; limits?: { agentsMax?: number } },
): Heartbeats {
  /** The one that was silent for longest comes first. */
  const seenByAgent = new Map<AgentId, SeenHeartbeat>();
  const listeners = new Set<(agentId: AgentId, seen: SeenHeartbeat) => void>();
  const waiting = new Map<AgentId, Set<() => void>>();

  const subscription = connection.subscribe(subjects.heartbeat('*'), (subject, payload) => {
    const agentId = id<AgentId>(subject.slice(subjects.heartbeat('').length));
    const heartbeat = parse(payload);
    if (heartbeat === undefined) return log.warn('heartbeat-malformed', { agentId, bytes: payload.length });
    const seen = { atMs: clock.now(), heartbeat };
    remember(agentId, seen);
    for (const listener of listeners) listener(agentId, seen);
    const waiters = waiting.get(agentId);
    waiting.delete(agentId);
    waiters?.forEach((wake) => wake());
  });

  function remember(agentId: AgentId, seen: SeenHeartbeat): void {
    seenByAgent.delete(agentId);
    seenByAgent.set(agentId, seen);
    if (seenByAgent.size <= (limits.agentsMax ?? agentsMax)) return;
    const [longestSilent] = seenByAgent.keys();
    if (longestSilent !== undefined) seenByAgent.delete(longestSilent);
  }

  return {
    last: (agentId) => seenByAgent.get(agentId),
    onHeartbeat: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onNext: (agentId, listener) => {
      const waiters = waiting.get(agentId) ?? new Set();
      waiting.set(agentId, waiters.add(listener));
      return () => {
        waiters.delete(listener);
        if (waiters.size === 0 && waiting.get(agentId) === waiters) waiting.delete(agentId);
      };
    },
    forget: (agentId) => void seenByAgent.delete(agentId),
    close: () => subscription.unsubscribe(),
  };
}

function parse(payload: Buffer): Heartbeat | undefined {
  if (payload.length > heartbeatBytesMax) return undefined;
  try {
    const heartbeat = JSON.parse(payload.toString()) as Heartbeat | null; // checked as far as the director acts on it
    return typeof heartbeat?.job_state === 'string' ? heartbeat : undefined;
  } catch {
    return undefined;
  }
}
