import type { Chance } from '../../common/chance.ts';

/** The choices of one seed. */
export class Dice {
  readonly #chance: Chance;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  below(n: number): number {
    return this.#chance.below(n);
  }

  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  oneOf<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T; // below() keeps inside
  }
}
