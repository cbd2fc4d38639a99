import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Counts answers. With a directory it goes on where it was after a restart, or on another VM with the same disk. */
class Counter {
  #count = 0;
  #file = null;
  #writing = Promise.resolve();

  static async open(dir) {
    const counter = new Counter();
    if (dir === null) return counter;
    await mkdir(dir, { recursive: true });
    counter.#file = join(dir, 'count');
    counter.#count = Number.parseInt(await readFile(counter.#file, 'utf8').catch(() => '0'), 10) || 0;
    return counter;
  }

  /** The next number, which is on the disk by the time it is given out. */
  async next() {
    const count = ++this.#count;
    if (this.#file === null) return count;
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
    return count;
  }

  /** By another name first: a crash leaves the old number or the new one, never half of it. */
  async #write() {
    await writeFile(`${this.#file}.new`, `${this.#count}\n`);
    await rename(`${this.#file}.new`, this.#file);
  }
}
