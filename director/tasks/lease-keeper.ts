import type { Clock, Timer } from '../../common/clock.ts';
import { messageOf } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import { LeaseLost } from '../store/errors.ts';
import type { Lease } from '../store/lease.ts';
import type { Store } from '../store/store.ts';

/** When the database didn't answer. */
const retryMs = 1000;

/**
 * Renews the lease of a running task, and its locks, at a third of their time, so that two renewals may fail.
 * Where none succeeds until the time is over, the task is stopped: someone else may be running it.
 */
export class LeaseKeeper {
  readonly #store: Store;
  readonly #lease: Lease;
  readonly #leaseMs: number;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onCancel: () => void;
  readonly #onLost: (error: LeaseLost) => void;
  #untilMs: number;
  #timer: Timer | undefined;
  #stopped = false;
  #renewing: Promise<void> | undefined;

  constructor(of: {
    store: Store;
    lease: Lease;
    leaseMs: number;
    clock: Clock;
    log: Log;
    onCancel: () => void;
    onLost: (error: LeaseLost) => void;
  }) {
    this.#store = of.store;
    this.#lease = of.lease;
    this.#leaseMs = of.leaseMs;
    this.#clock = of.clock;
    this.#log = of.log;
    this.#onCancel = of.onCancel;
    this.#onLost = of.onLost;
    this.#untilMs = of.clock.now() + of.leaseMs;
    this.#next(of.leaseMs / 3);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Resolves when the lease lasts, or is known to be lost; the latter has been told. */
  async check(): Promise<void> {
    if (this.#clock.now() >= this.#untilMs && !this.#stopped) await this.#renew();
  }

  #next(ms: number): void {
    this.#timer?.cancel();
    if (!this.#stopped) this.#timer = this.#clock.after(ms, () => void this.#renew());
  }

  #renew(): Promise<void> {
    this.#renewing ??= this.#tryRenew().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  /** Never rejects. */
  async #tryRenew(): Promise<void> {
    const nowMs = this.#clock.now();
    try {
      const found = await this.#store.tasks.renew(this.#lease, { leaseMs: this.#leaseMs, nowMs });
      if (found === 'lost') return this.#lost(new LeaseLost(this.#lease));
      await this.#store.locks.renewAll(this.#lease, { lockMs: this.#leaseMs, nowMs });
      this.#untilMs = nowMs + this.#leaseMs;
      if (found === 'cancel') this.#onCancel();
      this.#next(this.#leaseMs / 3);
    } catch (thrown) {
      if (thrown instanceof LeaseLost) return this.#lost(thrown);
      this.#log.warn('lease-not-renewed', { task: this.#lease.taskId, error: messageOf(thrown) });
      if (this.#clock.now() >= this.#untilMs) return this.#lost(new LeaseLost(this.#lease));
      this.#next(retryMs);
    }
  }

  #lost(error: LeaseLost): void {
    if (!this.#stopped) this.#onLost(error);
    this.stop();
  }
}
