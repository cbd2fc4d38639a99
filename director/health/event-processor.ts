import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import type { EventKind, HealthEvent } from './events.ts';

/** Whoever wants to hear of events; takes each at once. */
export interface Listener {
  readonly wants: ReadonlySet<EventKind>;
  push(event: HealthEvent): void;
}

/** Ids that were seen and not yet forgotten; beyond, the oldest is. */
const seenMax = 100_000;

/** Hands each event to all who want its kind, and one that comes twice only once. */
export class EventProcessor {
  readonly #deps: { clock: Clock; chance: Chance };
  readonly #listeners: readonly Listener[];
  /** When an id was first seen; the oldest comes first. */
  readonly #seen = new Map<string, number>();
  readonly figures = { alerts: 0, heartbeats: 0, duplicates: 0 };

  constructor(listeners: readonly Listener[], deps: { clock: Clock; chance: Chance }) {
    this.#listeners = listeners;
    this.#deps = deps;
  }

  wanted(kind: EventKind): boolean {
    return this.#listeners.some(({ wants }) => wants.has(kind));
  }

  /** An event of our own making, whose id nobody else has. */
  process(event: HealthEvent): void {
    if (event.kind === 'alert') this.figures.alerts++;
    else this.figures.heartbeats++;
    for (const listener of this.#listeners) if (listener.wants.has(event.kind)) listener.push(event);
  }

  /** Whether an id is new; without one, a fresh one is given. */
  firstSight(given: string | null | undefined): { id: string } | undefined {
    const id = given ?? this.#deps.chance.uuid();
    if (given === null || given === undefined) return { id };
    if (this.#seen.has(id)) {
      this.figures.duplicates++;
      return undefined;
    }
    this.#seen.set(id, this.#deps.clock.now());
    if (this.#seen.size > seenMax) this.#forgetOldest();
    return { id };
  }

  /** Forgets what was seen for so long; so an id may live for twice as long. */
  prune(lifetimeMs: number): void {
    const untilMs = this.#deps.clock.now() - lifetimeMs;
    for (const [id, seenMs] of this.#seen) {
      if (seenMs > untilMs) return;
      this.#seen.delete(id);
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#seen.keys();
    if (oldest !== undefined) this.#seen.delete(oldest);
  }
}
