import type { Clock } from '../../common/clock.ts';
import type { AgentId } from '../../common/ids.ts';

const firstMs = 20_000;
const mostMs = 5 * 60_000;

/** Agents that did not answer are asked less and less often: whoever waits for all others shall not wait for the dead. */
export class SilentAgents {
  readonly #clock: Clock;
  readonly #until = new Map<AgentId, { atMs: number; waitMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isSpared(agentId: AgentId): boolean {
    return (this.#until.get(agentId)?.atMs ?? 0) > this.#clock.now();
  }

  answered(agentId: AgentId): void {
    this.#until.delete(agentId);
  }

  missed(agentId: AgentId): void {
    const waitMs = Math.min((this.#until.get(agentId)?.waitMs ?? firstMs / 2) * 2, mostMs);
    this.#until.set(agentId, { atMs: this.#clock.now() + waitMs, waitMs });
    this.#forgetOld();
  }

  /** Those of machines that are gone for long. */
  #forgetOld(): void {
    const before = this.#clock.now() - 2 * mostMs;
    for (const [agentId, { atMs }] of this.#until) {
      if (atMs >= before) break; // in the order of their first miss: nearly that of their times
      this.#until.delete(agentId);
    }
  }
}
