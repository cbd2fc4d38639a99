/**
 * Work that many ask for at the same time and that is done once for all of them. Who asks while a run is under way gets
 * the next one, which has not begun: it sees everything that was so when it was asked for.
 */
export class SharedRuns<T> {
  readonly #work: () => Promise<T>;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<T> | null = null;

  constructor(work: () => Promise<T>) {
    this.#work = work;
  }

  run(): Promise<T> {
    if (this.#next !== null) return this.#next;
    const next = this.#running.then(() => {
      this.#next = null;
      return this.#work();
    });
    this.#next = next;
    this.#running = next.catch(() => {}); // whoever asked hears of it
    return next;
  }
}
