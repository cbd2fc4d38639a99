import type { BusConnection, MessageHandler, Subscription } from '../bus.ts';
import { busClosed, messageTooLarge, permissionDenied, subjectInvalid } from '../errors.ts';
import { commonNameOf, type Identity } from '../identity.ts';
import type { Mailbox } from './mailbox.ts';
import type { Message, Peer, Refusal, Route, Router } from './router.ts';

/** A connection within the process: the rules of the bus without its sockets. Small: there are ten thousand at a time. */
export class LocalConnection implements BusConnection, Peer {
  readonly identity: Identity;
  readonly #router: Router;
  readonly #mailbox: Mailbox;
  readonly #onClose: (connection: LocalConnection) => void;
  #routes: LocalRoute[] | undefined = [];

  constructor(
    identity: Identity,
    { router, mailbox, onClose }: { router: Router; mailbox: Mailbox; onClose: (connection: LocalConnection) => void },
  ) {
    this.identity = identity;
    this.#router = router;
    this.#mailbox = mailbox;
    this.#onClose = onClose;
  }

  publish(subject: string, payload: string | Uint8Array): void {
    if (this.#routes === undefined) throw busClosed();
    const copy = typeof payload === 'string' ? Buffer.from(payload) : Buffer.from(payload); // two overloads
    const refusal = this.#router.publish(this, { subject, reply: '', payload: copy });
    if (refusal !== undefined) throw this.#refused(refusal, 'publish', subject, copy.length);
  }

  subscribe(pattern: string, handler: MessageHandler): Subscription {
    if (this.#routes === undefined) throw busClosed();
    const route: LocalRoute = { peer: this, pattern, handler, open: true };
    const refusal = this.#router.subscribe(route);
    if (refusal !== undefined) throw this.#refused(refusal, 'subscribe', pattern, 0);
    this.#routes.push(route);
    return { unsubscribe: () => this.#unsubscribe(route) };
  }

  /** Publishing here is being routed. */
  flush(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.disconnect();
    return Promise.resolve();
  }

  disconnect(): void {
    const routes = this.#routes;
    if (routes === undefined) return;
    this.#routes = undefined;
    for (const route of routes) this.#stop(route);
    this.#onClose(this);
  }

  deliver(route: Route, { subject, payload }: Message): void {
    this.#mailbox.post({ to: route as LocalRoute, subject, payload }); // ours: only our own routes name us
  }

  #unsubscribe(route: LocalRoute): void {
    if (!route.open) return;
    this.#stop(route);
    this.#routes = this.#routes?.filter((each) => each !== route);
  }

  #stop(route: LocalRoute): void {
    route.open = false;
    this.#router.unsubscribe(route);
  }

  #refused(refusal: Refusal, act: 'publish' | 'subscribe', subject: string, bytes: number): Error {
    switch (refusal) {
      case 'not-a-subject':
        return subjectInvalid(subject);
      case 'not-permitted':
        return permissionDenied(act, subject, commonNameOf(this.identity));
      case 'too-large':
        return messageTooLarge(subject, bytes);
    }
  }
}

interface LocalRoute extends Route {
  readonly handler: MessageHandler;
  open: boolean;
}
