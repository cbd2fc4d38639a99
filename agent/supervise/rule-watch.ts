import type { Rule } from './monit-rules.ts';

/** Monit's cycle on BOSH's stemcells: what `for 3 cycles` in a monit file counts in. */
export const cycleMs = 10_000;

type MemoryRule = Extract<Rule, { kind: 'memory' }>;
type RestartsRule = Extract<Rule, { kind: 'restarts' }>;

/** Counts, for the rules of one service, how often in a row their condition held. */
export class RuleWatch {
  readonly #memory: Array<{ rule: MemoryRule; cycles: number }>;
  readonly #restarts: RestartsRule[];
  #restartedAtMs: number[] = [];

  constructor(rules: readonly Rule[]) {
    this.#memory = rules.flatMap((rule) => (rule.kind === 'memory' ? [{ rule, cycles: 0 }] : []));
    this.#restarts = rules.filter((rule) => rule.kind === 'restarts');
  }

  get needsUsage(): boolean {
    return this.#memory.length > 0;
  }

  /** @returns the rule that is due, once; then it counts anew */
  memory(kb: number): MemoryRule | undefined {
    let due: MemoryRule | undefined;
    for (const watched of this.#memory) {
      watched.cycles = kb > watched.rule.overKb ? watched.cycles + 1 : 0;
      if (watched.cycles < watched.rule.cycles) continue;
      watched.cycles = 0;
      due ??= watched.rule;
    }
    return due;
  }

  /** @returns the rule that says to give up */
  restarted(nowMs: number): RestartsRule | undefined {
    const longestMs = Math.max(0, ...this.#restarts.map(({ cycles }) => cycles * cycleMs));
    this.#restartedAtMs = [...this.#restartedAtMs.filter((atMs) => nowMs - atMs <= longestMs), nowMs];
    return this.#restarts.find(
      ({ restarts, cycles }) =>
        this.#restartedAtMs.filter((atMs) => nowMs - atMs <= cycles * cycleMs).length >= restarts,
    );
  }
}
