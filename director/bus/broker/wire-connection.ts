import type { Duplex } from 'node:stream';
import type { Clock } from '../../../common/clock.ts';
import type { Log } from '../../../common/log.ts';
import { commonNameOf, type Identity } from '../identity.ts';
import type { BrokerLimits } from './limits.ts';
import type { Mailbox } from './mailbox.ts';
import { Outbox } from './outbox.ts';
import { Parser, type ClientOperation, type ConnectOptions } from './parser.ts';
import { ProtocolError } from './protocol-error.ts';
import type { Message, Peer, Refusal, Route, Router } from './router.ts';

/** For a client to take its last words; then the socket is torn down whatever it does. */
const lastWordsMs = 1_000;

export interface WireConnectionDeps {
  clock: Clock;
  router: Router;
  mailbox: Mailbox;
  limits: BrokerLimits;
  log: Log;
  /** Asked at CONNECT: permits may have changed since the handshake. */
  admits: (identity: Identity) => boolean;
  onClose: (connection: WireConnection) => void;
}

/**
 * One client on a socket, after its TLS handshake.
 *
 *   state       entry                          work                              exit
 *   connecting  handshake done                 CONNECT only, else let go         CONNECT and admitted -> open
 *   open        CONNECT                        routes, answers pings             error, stale, slow, revoked -> closed
 *   closed      told -ERR, or the socket ended  none                              -
 */
export class WireConnection implements Peer {
  readonly identity: Identity;
  readonly #socket: Duplex;
  readonly #deps: WireConnectionDeps;
  readonly #outbox: Outbox;
  readonly #routes = new Map<string, WireRoute>();
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  #options: ConnectOptions = { verbose: false, echo: true };
  #pingsUnanswered = 0;
  #heard = true;
  #beats = 0;

  constructor(socket: Duplex, identity: Identity, deps: WireConnectionDeps) {
    this.#socket = socket;
    this.identity = identity;
    this.#deps = deps;
    this.#outbox = new Outbox(socket);
    const parser = new Parser((operation) => this.#take(operation));
    socket.on('data', (chunk: Buffer) => this.#read(parser, chunk));
    socket.on('error', () => this.#end()); // reset by the peer: nothing to tell
    socket.on('close', () => this.#end());
    socket.on('end', () => this.#end());
  }

  deliver(route: Route, { subject, reply, payload }: Message): void {
    const wireRoute = route as WireRoute; // ours: only our own routes name us
    if (this.#state !== 'open') return;
    const replyTo = reply === '' ? '' : `${reply} `;
    this.#outbox.message(`MSG ${subject} ${wireRoute.sid} ${replyTo}${payload.length}`, payload);
    wireRoute.delivered++;
    if (wireRoute.delivered === wireRoute.messagesMax) this.#drop(wireRoute);
    if (this.#outbox.pendingBytes > this.#deps.limits.pendingBytesMax) this.#abandon('Slow Consumer');
  }

  /** Each limits.pingEveryMs: lets go who never said CONNECT or answers no ping. */
  beat(): void {
    const { connectWithinMs, pingEveryMs, pingsUnansweredMax } = this.#deps.limits;
    this.#beats++;
    if (this.#state === 'connecting') {
      if (this.#beats * pingEveryMs > connectWithinMs) this.refuse('Authentication Timeout');
      return;
    }
    if (this.#heard) {
      this.#heard = false; // who speaks is alive
      return;
    }
    if (++this.#pingsUnanswered > pingsUnansweredMax) return this.#abandon('Stale Connection');
    this.#outbox.line('PING');
  }

  /** Tells the client why, and closes. */
  refuse(reason: string): void {
    if (this.#state === 'closed') return;
    this.#deps.log.info('bus-client-refused', { client: commonNameOf(this.identity), reason });
    this.#outbox.line(`-ERR '${reason}'`);
    this.#outbox.flush();
    this.#end();
  }

  disconnect(): void {
    this.#end();
    this.#socket.destroy();
  }

  /** Who does not read is told nothing, and what waits for it is let go at once. */
  #abandon(reason: string): void {
    this.#deps.log.warn('bus-client-abandoned', { client: commonNameOf(this.identity), reason });
    this.disconnect();
  }

  #read(parser: Parser, chunk: Buffer): void {
    if (this.#state === 'closed') return;
    this.#heard = true;
    this.#pingsUnanswered = 0;
    try {
      parser.push(chunk);
    } catch (error) {
      if (error instanceof ProtocolError) return this.refuse(error.message);
      // A bug of ours. Thrown on, it would end the director with all its tasks for one client's words.
      this.#deps.log.error('bus-client-failed', { client: commonNameOf(this.identity), error: stackOf(error) });
      return this.refuse('Internal Error');
    }
    if (!this.#deps.mailbox.congested) return;
    this.#socket.pause();
    this.#deps.mailbox.onRelief(() => this.#socket.resume());
  }

  #take(operation: ClientOperation): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'connecting' && operation.op !== 'connect') throw new ProtocolError('Authorization Violation');
    switch (operation.op) {
      case 'connect':
        return this.#connect(operation.options);
      case 'publish':
        return this.#publish(operation);
      case 'subscribe':
        return this.#subscribe(operation);
      case 'unsubscribe':
        return this.#unsubscribe(operation);
      case 'ping':
        return this.#outbox.line('PONG');
      case 'pong':
        return; // that something was heard is noted already
    }
  }

  #connect(options: ConnectOptions): void {
    if (!this.#deps.admits(this.identity)) throw new ProtocolError('Authorization Violation');
    this.#options = options;
    this.#state = 'open';
    this.#ok();
  }

  #publish({ subject, reply, payload }: Message): void {
    const refusal = this.#deps.router.publish(this, { subject, reply, payload }, this.#options.echo);
    this.#answer(refusal, 'Publish', subject);
  }

  #subscribe({ subject, queue, sid }: { subject: string; queue: string | undefined; sid: string }): void {
    if (this.#routes.has(sid)) return this.#ok(); // as nats-server: the first one stays
    if (this.#routes.size >= this.#deps.limits.subscriptionsMax) {
      throw new ProtocolError('maximum subscriptions exceeded');
    }
    const route: WireRoute = {
      peer: this,
      pattern: subject,
      ...(queue === undefined ? {} : { queue }),
      sid,
      delivered: 0,
      messagesMax: 0,
    };
    const refusal = this.#deps.router.subscribe(route);
    if (refusal === undefined) this.#routes.set(sid, route);
    this.#answer(refusal, 'Subscription', subject);
  }

  #unsubscribe({ sid, messagesMax }: { sid: string; messagesMax: number }): void {
    const route = this.#routes.get(sid);
    if (route !== undefined) {
      route.messagesMax = messagesMax;
      if (messagesMax <= route.delivered) this.#drop(route); // 0: at once
    }
    this.#ok();
  }

  #drop(route: WireRoute): void {
    this.#routes.delete(route.sid);
    this.#deps.router.unsubscribe(route);
  }

  /** In nats-server's words: clients tell these errors by their text, and stay connected. */
  #answer(refusal: Refusal | undefined, act: 'Publish' | 'Subscription', subject: string): void {
    switch (refusal) {
      case undefined:
        return this.#ok();
      case 'not-permitted':
        return this.#outbox.line(`-ERR 'Permissions Violation for ${act} to "${subject}"'`);
      case 'not-a-subject':
        return this.#outbox.line(`-ERR 'Invalid ${act === 'Publish' ? 'Publish Subject' : 'Subject'}'`);
      case 'too-large': // the parser has said so already
        throw new ProtocolError('Maximum Payload Violation');
    }
  }

  #ok(): void {
    if (this.#options.verbose) this.#outbox.line('+OK');
  }

  #end(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    for (const route of this.#routes.values()) this.#deps.router.unsubscribe(route);
    this.#routes.clear();
    const lastWords = this.#deps.clock.after(lastWordsMs, () => this.#socket.destroy());
    this.#socket.once('close', () => lastWords.cancel());
    this.#socket.end();
    this.#deps.onClose(this);
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

interface WireRoute extends Route {
  readonly sid: string;
  delivered: number;
  /** 0: no limit. */
  messagesMax: number;
}
