import { connect, type NatsConnection } from '@nats-io/transport-node';
import { messageBytesMax } from '../../../agent/protocol.ts';
import { messageOf, OperatorError } from '../../../common/errors.ts';
import type { Log } from '../../../common/log.ts';
import { patternTokens, subjectTokens } from '../broker/subject.ts';
import type { BusConnection, MessageHandler, Subscription } from '../bus.ts';
import type { Certificate } from '../certificates/authority.ts';
import { busClosed, messageTooLarge, permissionDenied, subjectInvalid } from '../errors.ts';
import { commonNameOf, may, type Identity } from '../identity.ts';

const connectWithinMs = 10_000;
/** A director notices a dead server within 15 s, as BOSH's settings of the server do for its clients. */
const pingEveryMs = 5_000;
const pingsUnansweredMax = 2;
const reconnectAfterMs = 2_000;

export interface NatsServers {
  /** `nats://<host>:<port>`. */
  urls: readonly [string, ...string[]];
  /** PEM of what signed the servers' certificates. */
  ca: string;
}

/**
 * A connection to nats-server. It comes back by itself, for ever, with its subscriptions; what is published meanwhile is
 * sent then, and who waits for an answer has a limit anyway.
 * @throws OperatorError `bus-unreachable` (retryable)
 */
export async function connectNats(
  identity: Identity,
  { servers, certificate, log }: { servers: NatsServers; certificate: Certificate; log: Log },
): Promise<BusConnection> {
  const name = commonNameOf(identity);
  let connection: NatsConnection;
  try {
    connection = await connect({
      servers: [...servers.urls],
      name,
      tls: { ca: servers.ca, cert: certificate.certificate, key: certificate.privateKey },
      timeout: connectWithinMs,
      pingInterval: pingEveryMs,
      maxPingOut: pingsUnansweredMax,
      reconnectTimeWait: reconnectAfterMs,
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true, // permissions may be put right while we wait
      ignoreClusterUpdates: true, // the config says which servers are ours
      noAsyncTraces: true,
    });
  } catch (cause) {
    throw unreachable(servers.urls, name, cause);
  }
  void logStatus(connection, log.with({ client: name }));
  return new NatsBusConnection(identity, connection, log);
}

class NatsBusConnection implements BusConnection {
  readonly #identity: Identity;
  readonly #connection: NatsConnection;
  readonly #log: Log;

  constructor(identity: Identity, connection: NatsConnection, log: Log) {
    this.#identity = identity;
    this.#connection = connection;
    this.#log = log;
  }

  publish(subject: string, payload: string | Uint8Array): void {
    this.#check('publish', subject, subjectTokens(subject));
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    if (bytes.length > messageBytesMax) throw messageTooLarge(subject, bytes.length);
    this.#connection.publish(subject, bytes);
  }

  subscribe(pattern: string, handler: MessageHandler): Subscription {
    this.#check('subscribe', pattern, patternTokens(pattern));
    const subscription = this.#connection.subscribe(pattern, {
      callback: (error, { subject, data }) => {
        if (error !== null)
          return this.#log.error('bus-subscription-failed', { subject: pattern, error: error.message });
        try {
          handler(subject, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
        } catch (thrown) {
          this.#log.error('bus-handler-failed', { subject, error: messageOf(thrown) });
        }
      },
    });
    return { unsubscribe: () => subscription.unsubscribe() };
  }

  flush(): Promise<void> {
    return this.#connection.flush();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** The server would say so too, but later, to nobody in particular. */
  #check(act: 'publish' | 'subscribe', subject: string, tokens: string[] | undefined): void {
    if (this.#connection.isClosed()) throw busClosed();
    if (tokens === undefined) throw subjectInvalid(subject);
    if (!may(this.#identity, act, tokens)) throw permissionDenied(act, subject, commonNameOf(this.#identity));
  }
}

/** Ends with the connection. */
async function logStatus(connection: NatsConnection, log: Log): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === 'disconnect') log.warn('bus-disconnected', { server: status.server });
    if (status.type === 'reconnect') log.info('bus-reconnected', { server: status.server });
    if (status.type === 'error') log.error('bus-refused-us', { error: status.error.message });
    if (status.type === 'staleConnection') log.warn('bus-connection-stale');
  }
}

function unreachable(urls: readonly string[], client: string, cause: unknown): OperatorError {
  return new OperatorError(`no nats-server lets ${client} in (${urls.join(', ')}): ${messageOf(cause)}`, {
    code: 'bus-unreachable',
    retryable: true,
    hint:
      'Check that nats-server runs there, and that its certificate and the director’s were signed by the configured ' +
      'authorities: a certificate that is refused shows as a time-out.',
    details: { urls, client },
    cause,
  });
}
