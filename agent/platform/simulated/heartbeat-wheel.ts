import type { Clock, Timer } from '../../../common/clock.ts';
import { heartbeatEveryMs } from '../../protocol.ts';

/**
 * One timer for the heartbeats of all simulated machines. The period is cut into slots; a machine beats in the
 * slot of the moment it joined at, so that machines made together spread as they do in life.
 */
export class HeartbeatWheel {
  readonly #clock: Clock;
  readonly #slots = new Map<number, Set<Beating>>();
  #timer: Timer | undefined;
  #lastSlot = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From one period from now on. */
  join(beating: Beating): void {
    const slot = this.#slotAt(this.#clock.now());
    beating.heartbeatSlot = slot;
    const members = this.#slots.get(slot);
    if (members === undefined) this.#slots.set(slot, new Set([beating]));
    else members.add(beating);
    if (this.#timer === undefined) {
      this.#lastSlot = slot;
      this.#schedule();
    }
  }

  leave(beating: Beating): void {
    const members = this.#slots.get(beating.heartbeatSlot);
    members?.delete(beating);
    if (members?.size === 0) this.#slots.delete(beating.heartbeatSlot);
    if (this.#slots.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #slotAt(ms: number): number {
    return Math.floor(ms / slotMs) % slotsCount;
  }

  /** Wakes at the next slot that has members, so that an almost empty wheel costs almost nothing. */
  #schedule(): void {
    let ahead = slotsCount;
    for (const slot of this.#slots.keys()) {
      const distance = (slot - this.#lastSlot + slotsCount) % slotsCount;
      if (distance > 0 && distance < ahead) ahead = distance;
    }
    const next = (this.#lastSlot + ahead) % slotsCount;
    this.#timer = this.#clock.after(ahead * slotMs, () => {
      this.#lastSlot = next;
      for (const beating of this.#slots.get(next) ?? []) beating.beat();
      if (this.#slots.size > 0) this.#schedule();
      else this.#timer = undefined;
    });
  }
}

export interface Beating {
  /** Kept here, not in the wheel: ten thousand map entries would be most of a machine's memory. */
  heartbeatSlot: number;
  beat(): void;
}

const slotMs = 100;
const slotsCount = heartbeatEveryMs / slotMs;
