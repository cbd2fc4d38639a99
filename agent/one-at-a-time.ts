/** Runs pieces of work one after the other, in the order they came. One that fails doesn't hold up the next. */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();

  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const mine = (async () => {
      await before.catch(() => {});
      signal.throwIfAborted();
      return work();
    })();
    this.#last = mine.catch(() => {});
    return mine;
  }
}
