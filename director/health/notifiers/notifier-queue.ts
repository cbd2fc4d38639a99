import type { Clock } from '../../../common/clock.ts';
import { messageOf } from '../../../common/errors.ts';
import type { Log } from '../../../common/log.ts';
import type { Listener } from '../event-processor.ts';
import type { HealthEvent } from '../events.ts';
import type { Notifier } from './notifier.ts';

/** An alert for each of ten thousand machines that die together, and some. A few megabytes. */
const queueMax = 20_000;
/** For one batch. */
const sendMsMax = 30_000;
/** It did not end when its signal was aborted: it is left alone after this. */
const endMsMax = 5_000;
const triesMax = 3;
const retryFirstMs = 1_000;

export interface NotifierFigures {
  name: string;
  queued: number;
  sent: number;
  /** Because the queue was full. */
  dropped: number;
  /** Tried in vain, and given up. */
  failed: number;
}

/**
 * The queue of one notifier.
 *
 * INVARIANTS
 * - `push` never waits and never throws: one that hangs or fails is felt by nobody else.
 * - At most one batch is on its way.
 * - Every event that was pushed is sent, queued, dropped or failed, and counted as that.
 */
export class NotifierQueue implements Listener {
  readonly #notifier: Notifier;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: { queueMax: number };
  #queue: HealthEvent[] = [];
  #pump: Promise<void> | undefined;
  readonly #closing = new AbortController();
  /** Told once, until it works again. */
  #told = { failing: false, full: false };
  readonly #counts = { sent: 0, dropped: 0, failed: 0 };

  constructor(notifier: Notifier, { clock, log, limits }: { clock: Clock; log: Log; limits?: { queueMax: number } }) {
    this.#notifier = notifier;
    this.#clock = clock;
    this.#log = log.with({ notifier: notifier.name });
    this.#limits = limits ?? { queueMax };
  }

  get wants(): Listener['wants'] {
    return this.#notifier.wants;
  }

  get figures(): NotifierFigures {
    return { name: this.#notifier.name, queued: this.#queue.length, ...this.#counts };
  }

  push(event: HealthEvent): void {
    if (this.#closing.signal.aborted) return;
    if (this.#queue.length >= this.#limits.queueMax) {
      this.#counts.dropped++;
      if (!this.#told.full) this.#log.warn('notifier-queue-full', { queued: this.#queue.length });
      this.#told.full = true;
      return;
    }
    this.#queue.push(event);
    this.#pump ??= this.#run().finally(() => (this.#pump = undefined));
  }

  /** What waits is sent as long as that takes no more than `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const timer = this.#clock.after(graceMs, () => this.#closing.abort());
    await this.#pump;
    timer.cancel();
    this.#closing.abort();
    await this.#notifier.close?.();
  }

  async #run(): Promise<void> {
    // Never within the turn of who pushes: a burst becomes a batch.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0 && !this.#closing.signal.aborted) {
      if (this.#notifier.gatherMs > 0) await this.#pause(this.#notifier.gatherMs);
      const batch = this.#queue.splice(0, this.#notifier.batchMax);
      if (this.#queue.length === 0) this.#told.full = false;
      const sent = await this.#deliver(batch);
      this.#counts[sent ? 'sent' : 'failed'] += batch.length;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.#counts.dropped += this.#queue.splice(0).length; // closed before they were sent
  }

  async #deliver(batch: readonly HealthEvent[]): Promise<boolean> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#send(batch);
        if (this.#told.failing) this.#log.info('notifier-works-again');
        this.#told.failing = false;
        return true;
      } catch (thrown) {
        if (!this.#told.failing) this.#log.error('notifier-fails', { error: messageOf(thrown) });
        this.#told.failing = true;
        if (tries >= triesMax || this.#closing.signal.aborted) return false;
        await this.#pause(retryFirstMs * 2 ** (tries - 1));
      }
    }
  }

  /** Settles in any case. */
  async #send(batch: readonly HealthEvent[]): Promise<void> {
    const ending = new AbortController();
    const end = () => ending.abort(new Error(`no answer within ${sendMsMax / 1000} s`));
    const stop = () => ending.abort(new Error('the director stops'));
    this.#closing.signal.addEventListener('abort', stop);
    const timer = this.#clock.after(sendMsMax, end);
    const sending = this.#notifier.send(batch, ending.signal);
    let left: { cancel: () => void } | undefined;
    const leftAlone = new Promise<never>((_, reject) => {
      ending.signal.addEventListener('abort', () => {
        left = this.#clock.after(endMsMax, () => reject(ending.signal.reason as Error));
      });
    });
    try {
      await Promise.race([sending, leftAlone]);
    } finally {
      timer.cancel();
      left?.cancel();
      this.#closing.signal.removeEventListener('abort', stop);
    }
  }

  #pause(ms: number): Promise<void> {
    return this.#clock.sleep(ms, this.#closing.signal).catch(() => {}); // closing: at once
  }
}
