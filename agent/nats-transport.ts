import type { PeerCertificate } from 'node:tls';
import { connect, type NatsConnection, type TlsOptions } from '@nats-io/transport-node';
import type { Chance } from '../common/chance.ts';
import type { Clock } from '../common/clock.ts';
import { messageOf } from '../common/errors.ts';
import type { Log } from '../common/log.ts';
import { ActionFailed } from './errors.ts';
import type { Subscription, Transport } from './transport.ts';

/** PEM, under the names of `env.bosh.mbus.cert`. */
export interface MbusCertificate {
  ca: string;
  certificate: string;
  private_key: string;
}

export interface NatsOptions {
  /** `nats://<host>:<port>` */
  servers: string[];
  /** Without: no TLS. */
  certificate: MbusCertificate | undefined;
  clock: Clock;
  chance: Chance;
  log: Log;
}

type Receive = (subject: string, payload: Buffer) => void;

/**
 * The bus over the network: NATS with mutual TLS, as BOSH runs it. Connects again for ever: a machine whose agent
 * gave up could only be replaced.
 *
 * INVARIANTS
 * - every subscription is on the current connection; `#receivers` is the truth, connections come and go;
 * - nothing is queued while the connection is lost, so that an outage of days costs no memory and old news is not told.
 */
export class NatsTransport implements Transport {
  readonly #servers: string[];
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #receivers = new Map<string, Receive>();
  #link: Link | undefined;

  private constructor({ servers, clock, chance, log }: NatsOptions) {
    this.#servers = servers;
    this.#clock = clock;
    this.#chance = chance;
    this.#log = log;
  }

  /** Resolves with the first connection, however long that takes. */
  static async connect(options: NatsOptions): Promise<NatsTransport> {
    const transport = new NatsTransport(options);
    transport.#link = await transport.#dial(options.certificate, { forEver: true });
    return transport;
  }

  publish(subject: string, payload: Uint8Array): void {
    const link = this.#link;
    if (link?.up === true) link.connection.publish(subject, payload);
  }

  subscribe(subject: string, receive: Receive): Subscription {
    if (this.#receivers.has(subject)) throw new Error(`${subject} is subscribed already`);
    this.#receivers.set(subject, receive);
    if (this.#link !== undefined) this.#attach(this.#link, subject, receive);
    return {
      unsubscribe: () => {
        this.#receivers.delete(subject);
        this.#link?.unsubscribes.get(subject)?.();
      },
    };
  }

  /**
   * Goes over to another certificate. The new connection is up and subscribed before the old one is closed: for that
   * moment a message may come twice, which asking for a task's state survives, while a lost one costs 45 s.
   * @throws ActionFailed `bus-refused` when the new certificate is not let in; the old connection stays
   */
  async swapCertificate(certificate: MbusCertificate, signal?: AbortSignal): Promise<void> {
    const link = await this.#dialWithin(swapWithinMs, certificate, signal);
    for (const [subject, receive] of this.#receivers) this.#attach(link, subject, receive);
    await link.connection.flush();
    const old = this.#link;
    this.#link = link;
    if (old === undefined) return;
    await old.connection.flush().catch(() => {}); // what was answered on it should still arrive
    await old.connection.close();
  }

  async close(): Promise<void> {
    this.#receivers.clear();
    await this.#link?.connection.close();
    this.#link = undefined;
  }

  #attach(link: Link, subject: string, receive: Receive): void {
    const subscription = link.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error !== null) return this.#log.error('bus-subscription-lost', { subject, error: error.message });
        receive(message.subject, Buffer.from(message.data));
      },
    });
    link.unsubscribes.set(subject, () => {
      if (!subscription.isClosed()) subscription.unsubscribe();
    });
  }

  async #dialWithin(limitMs: number, certificate: MbusCertificate, signal?: AbortSignal): Promise<Link> {
    const endMs = this.#clock.now() + limitMs;
    for (;;) {
      try {
        return await this.#dial(certificate, { forEver: false });
      } catch (thrown) {
        if (this.#clock.now() + dialAgainMs > endMs) {
          throw new ActionFailed(`the message bus did not let us in: ${messageOf(thrown)}`, {
            code: 'bus-refused',
            cause: thrown,
          });
        }
        await this.#clock.sleep(dialAgainMs, signal);
      }
    }
  }

  async #dial(certificate: MbusCertificate | undefined, { forEver }: { forEver: boolean }): Promise<Link> {
    // The client asks for this again and again while it waits: it must stay until there has been another attempt.
    let waitMs = dialAgainMs;
    const connection = await connect({
      servers: this.#servers,
      ...(certificate === undefined ? { tls: null } : { tls: tlsOptions(certificate) }),
      waitOnFirstConnect: forEver,
      maxReconnectAttempts: -1,
      // A new machine may be faster than the broker's list of who may speak.
      ignoreAuthErrorAbort: true,
      reconnectDelayHandler: () => waitMs,
      pingInterval: pingEveryMs,
    });
    const link: Link = { connection, up: true, unsubscribes: new Map() };
    this.#log.info('bus-connected', { server: connection.getServer() });
    void this.#watch(link, (failures) => (waitMs = reconnectAfterMs(failures, this.#chance)));
    return link;
  }

  /** Ends with the connection. */
  async #watch(link: Link, attempting: (failures: number) => void): Promise<void> {
    let attempts = 0;
    for await (const status of link.connection.status()) {
      switch (status.type) {
        case 'disconnect':
        case 'reconnect':
          link.up = status.type === 'reconnect';
          attempts = 0;
          this.#log.info(link.up ? 'bus-connected' : 'bus-lost', { server: status.server });
          break;
        case 'reconnecting':
          attempting(attempts++);
          break;
        case 'error':
          this.#log.warn('bus-error', { error: messageOf(status.error) });
          break;
        default:
          break; // pings, lame ducks and the like need nothing
      }
    }
    link.up = false;
  }
}

interface Link {
  connection: NatsConnection;
  up: boolean;
  unsubscribes: Map<string, () => void>;
}

/** For a machine's first connection, and for that with a new certificate. */
const dialAgainMs = 2_000;
const reconnectFirstMs = 250;
/** As BOSH's agent at the most, and well under the 45 s that a director waits for an answer. */
const reconnectMaxMs = 10_000;
const pingEveryMs = 20_000;
const swapWithinMs = 30_000;

/**
 * Twice as long each time: a director that is started anew is back in a second, and an operator who then asks for his
 * machines shall see them. Not all at the same moment: ten thousand agents have lost it together.
 * @param failures of this outage before the one after which it waits
 */
export function reconnectAfterMs(failures: number, chance: Chance): number {
  const ms = Math.min(reconnectFirstMs * 2 ** failures, reconnectMaxMs);
  return Math.ceil(ms / 2) + chance.below(Math.ceil(ms / 2));
}

/** The address of the server is not in its certificate; its common name must be one of the bus instead. */
export function checkBusServer(_host: string, certificate: PeerCertificate): Error | undefined {
  const commonName = certificate.subject.CN;
  if (typeof commonName === 'string' && /^[a-zA-Z0-9*-]*\.nats\.bosh-internal$/.test(commonName)) return undefined;
  return new Error(`the bus's certificate is for "${String(commonName)}", not for *.nats.bosh-internal`);
}

function tlsOptions({ ca, certificate, private_key: key }: MbusCertificate): TlsOptions {
  const options = { ca, cert: certificate, key, minVersion: 'TLSv1.2', checkServerIdentity: checkBusServer };
  return options; // all of them go to tls.connect, which knows more options than the type names
}
