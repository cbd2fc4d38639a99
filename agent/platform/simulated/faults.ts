import type { AgentMethod } from '../../protocol.ts';

/**
 * What shall go wrong on a simulated machine, by script. Nothing goes wrong by itself.
 *
 * `before`: the method fails and has done nothing. `after`: it has done its work and fails all the same.
 * `lost`: it has done its work and the answer never arrives (a long method: its task never ends).
 */
export type FaultMoment = 'before' | 'after' | 'lost';

interface Fault {
  moment: FaultMoment;
  message: string;
  once: boolean;
}

export class Faults {
  readonly #faults = new Map<AgentMethod, Fault>();
  readonly #delaysMs = new Map<AgentMethod, number>();

  /** The next call of the method fails, those after it don't. */
  failOnce(method: AgentMethod, moment: FaultMoment = 'before', message = `${method} fails by script`): void {
    this.#faults.set(method, { moment, message, once: true });
  }

  /** Every call of the method fails until `clear`. */
  failAlways(method: AgentMethod, moment: FaultMoment = 'before', message = `${method} fails by script`): void {
    this.#faults.set(method, { moment, message, once: false });
  }

  /** Every call of the method takes this long. 0: none, as at the start. */
  delay(method: AgentMethod, ms: number): void {
    if (ms > 0) this.#delaysMs.set(method, ms);
    else this.#delaysMs.delete(method);
  }

  clear(): void {
    this.#faults.clear();
    this.#delaysMs.clear();
  }

  delayMs(method: AgentMethod): number {
    return this.#delaysMs.get(method) ?? 0;
  }

  /** The fault of this call, used up when it was for one call. */
  take(method: AgentMethod): Readonly<Fault> | undefined {
    const fault = this.#faults.get(method);
    if (fault?.once === true) this.#faults.delete(method);
    return fault;
  }
}
