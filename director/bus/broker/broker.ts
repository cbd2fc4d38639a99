import type { Clock, Timer } from '../../../common/clock.ts';
import type { Log } from '../../../common/log.ts';
import type { AgentPermit, BusConnection } from '../bus.ts';
import { busClosed } from '../errors.ts';
import { commonNameOf, isAgentId, type Identity } from '../identity.ts';
import { brokerLimits, type BrokerLimits } from './limits.ts';
import { listen, type Listener, type ListenOptions } from './listener.ts';
import { LocalConnection } from './local-connection.ts';
import { Mailbox } from './mailbox.ts';
import { Router } from './router.ts';
import { WireConnection } from './wire-connection.ts';

export interface BrokerDeps {
  clock: Clock;
  log: Log;
  limits?: Partial<BrokerLimits>;
}

/**
 * A message broker that speaks the NATS protocol, as far as BOSH uses it: core publish and subscribe with queue groups,
 * mutual TLS, and permissions by the client certificate's common name. No headers, no clusters, no JetStream.
 *
 * INVARIANTS
 * - An agent speaks only while it is permitted; a connection does not outlive the permit that let it in.
 * - Nobody publishes or subscribes outside identity.ts, by socket or in process.
 * - What waits for one client is bounded, and a client that does not read is let go, never waited for.
 */
export class Broker {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: BrokerLimits;
  readonly #router = new Router();
  readonly #mailbox: Mailbox;
  /** By agent id: whether its bootstrap credentials still count. */
  readonly #permits = new Map<string, { bootstrap: boolean }>();
  readonly #connections = new Set<WireConnection | LocalConnection>();
  /** An agent has a connection, two while it reconnects; to close them must not mean to look through all. */
  readonly #ofAgent = new Map<string, Array<WireConnection | LocalConnection>>();
  #listener: Listener | undefined;
  #heartbeat: Timer | undefined;
  #closed = false;

  constructor({ clock, log, limits = {} }: BrokerDeps) {
    this.#clock = clock;
    this.#log = log;
    this.#limits = { ...brokerLimits, ...limits };
    this.#mailbox = new Mailbox(log);
  }

  /**
   * Lets clients in. Agents must be permitted before: the Go client gives up for good when it is refused twice.
   * @throws OperatorError `bus-port-unavailable`
   */
  async listen(options: ListenOptions): Promise<{ port: number }> {
    const deps = {
      clock: this.#clock,
      log: this.#log,
      limits: this.#limits,
      router: this.#router,
      mailbox: this.#mailbox,
    };
    this.#listener = await listen(options, {
      ...deps,
      onClient: (socket, identity) =>
        this.#enter(
          new WireConnection(socket, identity, {
            ...deps,
            admits: (who) => this.admits(who),
            onClose: (connection) => this.#leave(connection),
          }),
        ),
    });
    this.#beat();
    return { port: this.#listener.port };
  }

  /** A connection within this process, under the same rules. @throws OperatorError `bus-closed` */
  attach(identity: Identity): BusConnection {
    if (this.#closed) throw busClosed();
    if (!this.admits(identity)) throw new Error(`${commonNameOf(identity)} is not permitted on the bus`);
    const connection = new LocalConnection(identity, {
      router: this.#router,
      mailbox: this.#mailbox,
      onClose: (gone) => this.#leave(gone),
    });
    this.#enter(connection);
    return connection;
  }

  admits(identity: Identity): boolean {
    if (identity.kind !== 'agent') return true;
    const permit = this.#permits.get(identity.agentId);
    return permit !== undefined && (permit.bootstrap || !identity.bootstrap);
  }

  permit({ agentId, bootstrap }: AgentPermit): void {
    if (!isAgentId(agentId)) throw new Error(`"${agentId}" cannot be an agent id: letters, digits, "-" and "_" only`);
    this.#permits.set(agentId, { bootstrap });
    this.#letGoRefused(agentId);
  }

  revoke(agentId: string): void {
    this.#permits.delete(agentId);
    this.#letGoRefused(agentId);
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#heartbeat?.cancel();
    for (const connection of this.#connections) connection.disconnect();
    await this.#listener?.close();
    this.#listener = undefined;
  }

  #enter(connection: WireConnection | LocalConnection): void {
    this.#connections.add(connection);
    const { identity } = connection;
    if (identity.kind !== 'agent') return;
    const own = this.#ofAgent.get(identity.agentId);
    if (own === undefined) this.#ofAgent.set(identity.agentId, [connection]);
    else own.push(connection);
  }

  #leave(connection: WireConnection | LocalConnection): void {
    this.#connections.delete(connection);
    const { identity } = connection;
    if (identity.kind !== 'agent') return;
    const left = this.#ofAgent.get(identity.agentId)?.filter((each) => each !== connection) ?? [];
    if (left.length === 0) this.#ofAgent.delete(identity.agentId);
    else this.#ofAgent.set(identity.agentId, left);
  }

  #letGoRefused(agentId: string): void {
    for (const connection of this.#ofAgent.get(agentId) ?? []) {
      if (this.admits(connection.identity)) continue;
      if (connection instanceof WireConnection) connection.refuse('Authorization Violation');
      else connection.disconnect();
    }
  }

  /** One timer for all connections. */
  #beat(): void {
    this.#heartbeat = this.#clock.after(this.#limits.pingEveryMs, () => {
      for (const connection of this.#connections) {
        if (connection instanceof WireConnection) connection.beat();
      }
      this.#beat();
    });
  }
}
