import { OperatorError } from '../../common/errors.ts';

/** Collects what an operator has to put right, so that one deploy tells all of it. */
export class Faults {
  readonly #errors: OperatorError[] = [];

  /** Undefined: it failed, and is on the list. A bug is thrown on. */
  attempt<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      this.#errors.push(thrown);
      return undefined;
    }
  }

  /** The same fault of many instances is told once, with how many. The first one's code speaks for all. */
  throwIfAny(): void {
    const [first] = this.#errors;
    if (first === undefined) return;
    const times = new Map<string, number>();
    for (const { message } of this.#errors) times.set(message, (times.get(message) ?? 0) + 1);
    if (times.size === 1 && this.#errors.length === 1) throw first;
    const faults = [...times].map(([message, n]) => (n === 1 ? message : `${message} (for ${n} instances)`));
    throw new OperatorError(faults.join('\n'), {
      code: first.code,
      hint: [...new Set(this.#errors.map(({ hint }) => hint))].join(' '),
      details: { ...first.details, faults },
    });
  }
}
