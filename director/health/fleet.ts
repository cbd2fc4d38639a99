import { groupBy } from '../../common/group-by.ts';
import type { Heartbeat } from '../../agent/protocol.ts';
import type { AgentId } from '../../common/ids.ts';
import type { WatchedInstance } from '../store/instances.ts';

/** What the store says of everything that is watched, at one moment. */
export interface Snapshot {
  deployments: ReadonlyArray<{ name: string; teams: readonly string[]; locked: boolean }>;
  instances: readonly WatchedInstance[];
}

/** An agent that was heard of, or that the store knows. */
export interface WatchedAgent {
  readonly id: AgentId;
  /** Null: of no deployment that we know. */
  instance: WatchedInstance | null;
  readonly discoveredAtMs: number;
  /** Its last heartbeat; at first, when it was discovered. */
  updatedAtMs: number;
  jobState: Heartbeat['job_state'] | null;
  processes: number | null;
  /** How many alerts it may still send, as of `updatedAtMs` of the allowance: see intake.ts. */
  allowance: { alerts: number; atMs: number } | null;
}

export interface WatchedDeployment {
  readonly name: string;
  readonly teams: readonly string[];
  /** A task is at work on it: nothing of it is judged meanwhile. */
  readonly locked: boolean;
  readonly instances: readonly WatchedInstance[];
}

/** Agents that nobody knows: somebody may invent them on a bus whose permissions are kept by others. */
const unmanagedMax = 10_000;

/**
 * Who should be alive, and who has shown to be.
 *
 * INVARIANT: an agent is either managed (the store has it as the active VM of an instance) or unmanaged, never both.
 */
export class Fleet {
  #deployments = new Map<string, WatchedDeployment>();
  #managed = new Map<AgentId, WatchedAgent>();
  readonly #unmanaged = new Map<AgentId, WatchedAgent>();

  get deployments(): Iterable<WatchedDeployment> {
    return this.#deployments.values();
  }

  deployment(name: string): WatchedDeployment | undefined {
    return this.#deployments.get(name);
  }

  /** The agent of an instance; undefined: it has none, or it said that it shuts down. */
  agentOf(instance: WatchedInstance): WatchedAgent | undefined {
    return instance.agentId === null ? undefined : this.#managed.get(instance.agentId);
  }

  get unmanaged(): Iterable<WatchedAgent> {
    return this.#unmanaged.values();
  }

  get sizes(): { deployments: number; managed: number; unmanaged: number } {
    return { deployments: this.#deployments.size, managed: this.#managed.size, unmanaged: this.#unmanaged.size };
  }

  /** Everything as the store has it now; of agents that stay, what they said is kept. */
  sync({ deployments, instances }: Snapshot, nowMs: number): void {
    const byDeployment = groupBy<string, WatchedInstance>(instances, ({ deployment }) => deployment);
    this.#deployments = new Map(
      deployments.map((one) => [one.name, { ...one, instances: byDeployment.get(one.name) ?? [] }]),
    );
    const managed = new Map<AgentId, WatchedAgent>();
    for (const instance of instances) {
      if (instance.agentId === null) continue;
      const known = this.#managed.get(instance.agentId);
      const agent = known ?? newAgent(instance.agentId, nowMs, this.#unmanaged.get(instance.agentId));
      agent.instance = instance;
      managed.set(agent.id, agent);
      this.#unmanaged.delete(agent.id);
    }
    this.#managed = managed;
  }

  find(agentId: AgentId): WatchedAgent | undefined {
    return this.#managed.get(agentId) ?? this.#unmanaged.get(agentId);
  }

  /** Undefined: there are too many strangers already. */
  findOrMeet(agentId: AgentId, nowMs: number): WatchedAgent | undefined {
    const known = this.find(agentId);
    if (known !== undefined || this.#unmanaged.size >= unmanagedMax) return known;
    const agent = newAgent(agentId, nowMs);
    this.#unmanaged.set(agentId, agent);
    return agent;
  }

  /** It said that it shuts down, or is of no interest any more. The next `sync` brings it back if it should be there. */
  remove(agentId: AgentId): void {
    this.#managed.delete(agentId);
    this.#unmanaged.delete(agentId);
  }
}

function newAgent(id: AgentId, nowMs: number, stranger?: WatchedAgent): WatchedAgent {
  return {
    id,
    instance: null,
    discoveredAtMs: nowMs,
    updatedAtMs: nowMs,
    jobState: stranger?.jobState ?? null,
    processes: stranger?.processes ?? null,
    allowance: stranger?.allowance ?? null,
  };
}

/** As BOSH names where an alert comes from. */
export function agentLabel({ id, instance }: WatchedAgent): string {
  if (instance === null) return `agent ${id} []`;
  const { deployment, group, id: instanceId, index, cid } = instance;
  return `${deployment}: ${group}(${instanceId}) [id=${id}, index=${index}, cid=${cid ?? ''}]`;
}

export function instanceLabel({ deployment, group, id, agentId, index, cid }: WatchedInstance): string {
  const agent = agentId === null ? '' : `agent_id=${agentId}, `;
  return `${deployment}: ${group}(${id}) [${agent}index=${index}, cid=${cid ?? ''}]`;
}
