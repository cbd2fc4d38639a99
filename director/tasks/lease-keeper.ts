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

  /** From now on `check` vouches for nothing. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /**
   * Resolves while the lease lasts; where its time is over, when it is renewed after all. More than once, if need be: an
   * answer that was read late tells of the time when it was asked for.
   * @throws LeaseLost when it is lost, or its run has ended or was abandoned: who calls after that calls for nobody
   */
  async check(): Promise<void> {
    while (!this.#stopped && this.#clock.now() >= this.#untilMs) await this.#renew();
    if (this.#stopped) throw new LeaseLost(this.#lease);
  }

  /** Somebody has seen that the lease is not there any more. */
  lose(error: LeaseLost): void {
    const isNew = !this.#stopped;
    this.stop();
    if (isNew) this.#onLost(error);
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
      if (found === 'lost') return this.lose(new LeaseLost(this.#lease));
      await this.#store.locks.renewAll(this.#lease, { lockMs: this.#leaseMs, nowMs });
      this.#untilMs = nowMs + this.#leaseMs; // as the store has it: from when it was asked
      if (found === 'cancel') this.#onCancel();
      this.#next(this.#leaseMs / 3);
    } catch (thrown) {
      if (thrown instanceof LeaseLost) return this.lose(thrown);
      this.#log.warn('lease-not-renewed', { task: this.#lease.taskId, error: messageOf(thrown) });
      if (this.#clock.now() >= this.#untilMs) return this.lose(new LeaseLost(this.#lease));
      this.#next(retryMs);
    }
  }
}
