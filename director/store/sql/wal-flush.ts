import { open, type FileHandle } from 'node:fs/promises';
import type { OperatorError } from '../../../common/errors.ts';
import { databaseFlushFailed } from '../errors.ts';

/**
 * Brings what was committed to the disk, in Node's thread pool: SQLite's own flush (synchronous=FULL) holds the event
 * loop for every single commit. Whoever asks while a flush runs shares the next one with all others who do.
 *
 * INVARIANTS
 * - A flush that began after a commit covers it, and all commits before: they are one file, written in order.
 * - SQLite flushes the log by itself before it moves pages from there into the database (synchronous=NORMAL), and
 *   keeps the file as long as a connection is open.
 * - Once a flush has failed, all later ones do: the kernel gives up what it could not write and tells so only once, so
 *   the next flush would succeed over a gap, which takes away all that is behind it. The next start mends it: then
 *   everything is moved into the database (sqlite.ts).
 */
export class WalFlush {
  readonly #path: string;
  #file: Promise<FileHandle> | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  readonly #broken: (error: OperatorError) => void;
  #failure: OperatorError | undefined;

  /**
   * @param databasePath of the database, beside which the log lies
   * @param broken is told once that nothing can be written any more
   */
  constructor(databasePath: string, broken: (error: OperatorError) => void = () => {}) {
    this.#path = `${databasePath}-wal`;
    this.#broken = broken;
  }

  /** Resolves when all that is committed now is on the disk. @throws OperatorError `database-flush-failed` */
  flush(): Promise<void> {
    if (this.#running === undefined) return this.#run();
    this.#next ??= this.#running.then(
      () => this.#run(),
      () => this.#run(), // whoever waited for that one knows; this one is another try
    );
    return this.#next;
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#running, this.#next]);
    const file = await this.#file?.catch(() => undefined); // whoever waited for it knows
    await file?.close();
  }

  #run(): Promise<void> {
    this.#next = undefined;
    const running = this.#sync().finally(() => {
      // Who comes before the next one has begun belongs to it.
      if (this.#running === running && this.#next === undefined) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #sync(): Promise<void> {
    this.#file ??= open(this.#path, 'r+').catch((error: unknown) => {
      this.#file = undefined; // not there yet, or no descriptor left: the next flush tries again
      throw error;
    });
    const file = await this.#file;
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await file.datasync();
    } catch (thrown) {
      this.#failure = databaseFlushFailed(thrown);
      this.#broken(this.#failure);
      throw this.#failure;
    }
  }
}
