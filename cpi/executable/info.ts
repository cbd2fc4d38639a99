import type { Clock } from '../../common/clock.ts';
import type { CpiInfo } from '../cpi.ts';

/** What a CPI said of itself, asked for once in a while and by one caller at a time. A failure is not kept. */
export class Info {
  readonly #clock: Clock;
  readonly #holdsMs: number;
  #known: { asked: Promise<CpiInfo>; atMs: number } | undefined;

  constructor(clock: Clock, holdsMs: number) {
    this.#clock = clock;
    this.#holdsMs = holdsMs;
  }

  get(ask: () => Promise<CpiInfo>): Promise<CpiInfo> {
    if (this.#known !== undefined && this.#clock.now() - this.#known.atMs < this.#holdsMs) return this.#known.asked;
    const asked = ask();
    const known = { asked, atMs: this.#clock.now() };
    this.#known = known;
    asked.catch(() => {
      if (this.#known === known) this.#known = undefined;
    });
    return asked;
  }
}
