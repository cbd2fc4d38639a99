import { messageOf } from '../../../common/errors.ts';
import type { Log } from '../../../common/log.ts';
import type { MessageHandler } from '../bus.ts';

/** Messages handed over before timers and sockets get their turn: some 10 ms of simulated agents that tell a whole state. */
const messagesPerTurnMax = 100;

/** From here on sockets are not read until half of it is worked off. */
const congestedAt = 10_000;

interface Letter {
  readonly to: { readonly handler: MessageHandler; open: boolean };
  readonly subject: string;
  readonly payload: Buffer;
}

/**
 * Deliveries within this process: asynchronous, in order.
 *
 * INVARIANTS
 * - Letters are handed over in the order in which they were posted, each after the poster's own turn.
 * - Handing over begins in a microtask, so that in virtual time a message arrives before the next timer fires.
 * - One turn of the event loop hands over messagesPerTurnMax at most.
 * - A handler that throws loses that letter, and no other.
 */
export class Mailbox {
  readonly #log: Log;
  #letters: Letter[] = [];
  #next = 0;
  #scheduled = false;
  #leftInTurn = messagesPerTurnMax;
  #turnEnds = false;
  #relieved: Array<() => void> = [];

  constructor(log: Log) {
    this.#log = log;
  }

  post(letter: Letter): void {
    this.#letters.push(letter);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule();
  }

  get congested(): boolean {
    return this.#letters.length - this.#next >= congestedAt;
  }

  /** Calls back once, when it is no longer congested. */
  onRelief(callback: () => void): void {
    this.#relieved.push(callback);
  }

  #schedule(): void {
    if (!this.#turnEnds) {
      this.#turnEnds = true;
      setImmediate(() => {
        this.#turnEnds = false;
        this.#leftInTurn = messagesPerTurnMax;
        if (this.#scheduled) this.#handOver();
      });
    }
    if (this.#leftInTurn > 0) queueMicrotask(() => this.#handOver());
  }

  #handOver(): void {
    while (this.#next < this.#letters.length && this.#leftInTurn > 0) {
      const letter = this.#letters[this.#next++] as Letter; // in range
      this.#leftInTurn--;
      if (letter.to.open) this.#deliver(letter);
    }
    if (this.#next === this.#letters.length) {
      this.#letters = [];
      this.#next = 0;
      this.#scheduled = false;
    } else {
      this.#compact();
      this.#schedule();
    }
    if (this.#relieved.length > 0 && this.#letters.length - this.#next < congestedAt / 2) this.#relieve();
  }

  #deliver({ to, subject, payload }: Letter): void {
    try {
      to.handler(subject, payload);
    } catch (error) {
      this.#log.error('bus-handler-failed', { subject, error: messageOf(error) });
    }
  }

  /** Letters that were handed over are let go before the queue is next empty: under steady load it never is. */
  #compact(): void {
    if (this.#next < congestedAt) return;
    this.#letters = this.#letters.slice(this.#next);
    this.#next = 0;
  }

  #relieve(): void {
    const callbacks = this.#relieved;
    this.#relieved = [];
    for (const callback of callbacks) callback();
  }
}
