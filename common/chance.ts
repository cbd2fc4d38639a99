import { randomBytes, randomUUID } from 'node:crypto';

/** Ids and randomness, injected: the simulator gives a seeded one, and a run can be had again. */
export interface Chance {
  /** A UUID, version 4 in shape. */
  uuid(): string;
  /** `count` bytes, as lower-case hex. */
  hex(count: number): string;
  /** A whole number from 0 up to and without `below`. */
  below(below: number): number;
}

/** Unpredictable: from the system's own source. */
export const systemChance: Chance = {
  uuid: () => randomUUID(),
  hex: (count) => randomBytes(count).toString('hex'),
  below: (below) => Math.floor((randomBytes(6).readUIntBE(0, 6) / 2 ** 48) * below),
};

/** The same seed gives the same sequence (mulberry32). For rehearsal and tests; never for secrets. */
export function seededChance(seed: number): Chance {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const hex = (count: number) =>
    Array.from({ length: count }, () =>
      Math.floor(next() * 256)
        .toString(16)
        .padStart(2, '0'),
    ).join('');
  return {
    hex,
    below: (below) => Math.floor(next() * below),
    uuid: () => {
      const h = hex(16);
      return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20)}`;
    },
  };
}
