import { connect } from '@nats-io/transport-node';
import { messageOf } from '../../../common/errors.ts';
import type { BusConnection, MbusCredentials } from '../../../director/bus/bus.ts';

/** The agent's end of the bus, as the contract needs it: over a socket or within the process. */
export interface AgentEnd {
  /** @throws Error when the bus refuses it */
  publish(subject: string, payload: string | Uint8Array): Promise<void>;
  /** @throws Error when the bus refuses it */
  subscribe(subject: string): Promise<Inbox>;
  close(): Promise<void>;
}

/** Messages in the order of their arrival; `next()` waits for one. */
export class Inbox {
  readonly all: Array<{ subject: string; text: string }> = [];
  #taken = 0;
  #arrived: () => void = () => {};
  #stop: () => void = () => {};

  readonly receive = (subject: string, payload: Uint8Array): void => {
    this.all.push({ subject, text: Buffer.from(payload).toString() });
    this.#arrived();
  };

  stopsBy(stop: () => void): this {
    this.#stop = stop;
    return this;
  }

  unsubscribe(): void {
    this.#stop();
  }

  async next(): Promise<{ subject: string; text: string }> {
    while (this.all[this.#taken] === undefined) await new Promise<void>((resolve) => (this.#arrived = resolve));
    return this.all[this.#taken++] as { subject: string; text: string }; // waited for
  }
}

export function inboxOf(connection: BusConnection, subject: string): Inbox {
  const inbox = new Inbox();
  const subscription = connection.subscribe(subject, inbox.receive);
  return inbox.stopsBy(() => subscription.unsubscribe());
}

export function attachedEnd(connection: BusConnection): AgentEnd {
  return {
    publish: async (subject, payload) => connection.publish(subject, payload),
    subscribe: async (subject) => inboxOf(connection, subject),
    close: () => connection.close(),
  };
}

/** By the NATS client, as an agent on a machine would. @throws Error when the bus does not let it in */
export async function wireEnd(url: string, credentials: MbusCredentials): Promise<AgentEnd> {
  const { ca, certificate: cert, private_key: key } = credentials;
  const connection = await connect({ servers: url, tls: { ca, cert, key }, reconnect: false, timeout: 5_000 });
  const refusals: string[] = [];
  void (async () => {
    for await (const status of connection.status()) if (status.type === 'error') refusals.push(status.error.message);
  })();
  const closed = connection.closed().then((reason) => {
    throw new Error('the connection was closed', { cause: reason });
  });
  closed.catch(() => {}); // told to whoever waits
  /** The server answers in order: what it refused was said before its PONG. */
  const unlessRefused = async () => {
    await Promise.race([connection.flush(), closed]);
    await new Promise((resolve) => setImmediate(resolve)); // the client tells of it a turn later
    const [refusal] = refusals.splice(0); // a subscription's is told twice
    if (refusal !== undefined) throw new Error(refusal);
  };
  return {
    publish: async (subject, payload) => {
      connection.publish(subject, payload);
      await unlessRefused();
    },
    subscribe: async (subject) => {
      const inbox = new Inbox();
      const subscription = connection.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) inbox.receive(message.subject, message.data);
          else refusals.push(messageOf(error));
        },
      });
      await unlessRefused();
      return inbox.stopsBy(() => subscription.unsubscribe());
    },
    close: () => connection.close(),
  };
}
