/** Limits of the broker, with nats-server's defaults as BOSH sets them unless a reason is given. */
export interface BrokerLimits {
  /** Sockets at a time, those in their handshake included. */
  connectionsMax: number;
  /** Of one connection. An agent has one; nats-server has no limit. */
  subscriptionsMax: number;
  /**
   * Said to one client and not yet taken by it; beyond, it is a slow consumer and let go. nats-server allows 64 MiB:
   * too much for thousands of agents in a process that does other work too. Eight of the largest messages.
   */
  pendingBytesMax: number;
  /** TLS handshake and CONNECT together. */
  connectWithinMs: number;
  pingEveryMs: number;
  /** Pings that may be unanswered; at the next one the connection is stale. */
  pingsUnansweredMax: number;
}

export const brokerLimits: BrokerLimits = {
  connectionsMax: 20_000,
  subscriptionsMax: 1_000,
  pendingBytesMax: 8 * 1_048_576,
  connectWithinMs: 30_000,
  pingEveryMs: 5_000,
  pingsUnansweredMax: 2,
};
