import { messageBytesMax } from '../../../agent/protocol.ts';
import { may, type Identity } from '../identity.ts';
import { patternTokens, subjectTokens } from './subject.ts';
import { SubjectTrie } from './subject-trie.ts';

/** One end of a connection: over a socket or within the process. */
export interface Peer {
  readonly identity: Identity;
  /** Hands on or queues one message; never throws. */
  deliver(route: Route, message: Message): void;
}

/** A subscription, as the router keeps it. */
export interface Route {
  readonly peer: Peer;
  readonly pattern: string;
  /** Of all routes with one queue name, one gets each message. */
  readonly queue?: string;
}

export interface Message {
  readonly subject: string;
  readonly reply: string;
  readonly payload: Buffer;
}

export type Refusal = 'not-a-subject' | 'not-permitted' | 'too-large';

/** Passes each message to everyone who listens on its subject, if its sender may speak there. */
export class Router {
  readonly #routes = new SubjectTrie<Route>();
  #queueTurn = 0;

  /** `echo: false`: the sender does not hear itself. Undefined: it was passed on, to whoever listened. */
  publish(from: Peer, message: Message, echo = true): Refusal | undefined {
    const tokens = subjectTokens(message.subject);
    if (tokens === undefined) return 'not-a-subject';
    if (!may(from.identity, 'publish', tokens)) return 'not-permitted';
    if (message.payload.length > messageBytesMax) return 'too-large';
    let queues: Map<string, Route[]> | undefined;
    for (const route of this.#routes.match(tokens)) {
      if (!echo && route.peer === from) continue;
      if (route.queue === undefined) {
        route.peer.deliver(route, message);
        continue;
      }
      queues ??= new Map();
      const members = queues.get(route.queue);
      if (members === undefined) queues.set(route.queue, [route]);
      else members.push(route);
    }
    if (queues !== undefined) this.#deliverToOneOfEach(queues.values(), message);
    return undefined;
  }

  subscribe(route: Route): Refusal | undefined {
    const tokens = patternTokens(route.pattern);
    if (tokens === undefined) return 'not-a-subject';
    if (!may(route.peer.identity, 'subscribe', tokens)) return 'not-permitted';
    this.#routes.add(tokens, route);
    return undefined;
  }

  /** Unknown route: nothing happens. */
  unsubscribe(route: Route): void {
    const tokens = patternTokens(route.pattern);
    if (tokens !== undefined) this.#routes.remove(tokens, route);
  }

  #deliverToOneOfEach(queues: Iterable<Route[]>, message: Message): void {
    const turn = this.#queueTurn++;
    for (const members of queues) {
      const route = members[turn % members.length];
      route?.peer.deliver(route, message);
    }
  }
}
