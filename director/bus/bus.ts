import type { AgentId } from '../../common/ids.ts';

/**
 * Messages between the director, the health monitor and the agents: the NATS protocol, with BOSH's subjects,
 * identities and permissions. Implemented by embedded-bus.ts (a broker in this process) and nats-bus.ts (a
 * nats-server); both pass test/contract/bus.contract.ts, and an agent can't tell them apart.
 *
 * Delivery is at most once, in order per publisher: whoever needs an answer waits for it, with a limit.
 */
export interface Bus {
  /**
   * One connection as one of our own two identities. Several at a time are fine.
   * @throws OperatorError `bus-unreachable` (retryable)
   */
  connect(as: 'director' | 'health-monitor'): Promise<BusConnection>;

  /** Where agents find the bus: for the `mbus` settings of a VM. */
  endpoint(): AgentEndpoint;

  /**
   * A certificate for one agent. Bootstrap credentials go into the VM's environment, where the infrastructure can
   * read them; they are replaced over the bus (`update_settings`) by permanent ones, and then no longer let in.
   */
  issueCredentials(agentId: AgentId, kind: CredentialsKind): Promise<MbusCredentials>;

  /**
   * Lets an agent speak, on its own subjects only. Await it before the VM is created. May be repeated: once the
   * permanent credentials are in place, permit again with `bootstrap: false`.
   */
  permit(agentId: AgentId, options: { bootstrap: boolean }): Promise<void>;

  /** The agent's credentials let nobody in any more; connections that use them are closed. Unknown agent: no error. */
  revoke(agentId: AgentId): Promise<void>;

  /** Closes every connection, then the broker. May be repeated. */
  close(): Promise<void>;
}

/** Who may speak, as the store knows it: read at start, before the first agent is let in. */
export interface AgentPermit {
  agentId: AgentId;
  /** Its permanent credentials are not in place yet. */
  bootstrap: boolean;
}

export type CredentialsKind = 'bootstrap' | 'permanent';

/** PEM, under the names that the agent's settings use (`env.bosh.mbus.cert`, `update_settings`). */
export interface MbusCredentials {
  ca: string;
  certificate: string;
  private_key: string;
}

export interface AgentEndpoint {
  /** `nats://<host>:<port>`, for the settings' `mbus`. */
  mbus: string;
  /** All of them, for `env.bosh.mbus.urls`. */
  urls: string[];
}

export interface BusConnection {
  /**
   * Hands a message to the bus and returns; nobody may be listening.
   * @throws OperatorError `bus-message-too-large` | `bus-closed`; Error for a subject that isn't ours: a bug
   */
  publish(subject: string, payload: string | Uint8Array): void;

  /**
   * Calls `handler` for each message, in order, never within the caller's own turn. `*` stands for one token of a
   * subject, a last `>` for one or more.
   * @throws OperatorError `bus-closed`; Error for a subject that isn't ours: a bug
   */
  subscribe(subject: string, handler: MessageHandler): Subscription;

  /** Resolves when the bus has taken everything that was published and subscribed before. */
  flush(): Promise<void>;

  close(): Promise<void>;
}

/** `payload` is only the handler's until it returns; it copies what it keeps (`.toString()` does). */
export type MessageHandler = (subject: string, payload: Buffer) => void;

export interface Subscription {
  /** No message is handed over after this. May be repeated. */
  unsubscribe(): void;
}
