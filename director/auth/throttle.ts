import type { Clock } from '../../common/clock.ts';

interface Allowance {
  /** Wrong tries of one key that are borne at once. */
  wrongMax: number;
  /** After so long one more is. */
  refillMs: number;
}

interface Bucket {
  left: number;
  atMs: number;
}

const fromOneAddress: Allowance = { wrongMax: 5, refillMs: 60_000 };
/** Many addresses that try one name; its owner waits with them, unless the password was seen to be right before. */
const ofOneName: Allowance = { wrongMax: 50, refillMs: 10_000 };
/** More is forgotten, the longest unused first. */
const keptMax = 20_000;

/** Slows down whoever guesses passwords. A try counts as wrong from its start, so that many at once gain nothing. */
export class Throttle {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What to call once the password was right, or could not be checked; undefined: no more tries for now. */
  begin(name: string, address: string): (() => void) | undefined {
    const here = this.#bucket(JSON.stringify([name, networkOf(address)]), fromOneAddress);
    const everywhere = this.#bucket(JSON.stringify([name]), ofOneName);
    if (here.left < 1 || everywhere.left < 1) return undefined;
    here.left--;
    everywhere.left--;
    return () => {
      here.left = Math.min(here.left + 1, fromOneAddress.wrongMax);
      everywhere.left = Math.min(everywhere.left + 1, ofOneName.wrongMax);
    };
  }

  #bucket(key: string, { wrongMax, refillMs }: Allowance): Bucket {
    const nowMs = this.#clock.now();
    const bucket = this.#buckets.get(key) ?? { left: wrongMax, atMs: nowMs };
    bucket.left = Math.min(wrongMax, bucket.left + Math.max(0, nowMs - bucket.atMs) / refillMs);
    bucket.atMs = nowMs;
    this.#buckets.delete(key); // to be the last again
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > keptMax) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return bucket;
  }
}

/** Whoever has one address of IPv6 has 2^64. */
function networkOf(address: string): string {
  return address.includes(':') && !address.includes('.') ? address.split(':').slice(0, 4).join(':') : address;
}
