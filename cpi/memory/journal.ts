import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { OperatorError, messageOf } from '../../common/errors.ts';
import { claimDirectory } from './claim.ts';
import type { Records } from './records.ts';

export type Kind = keyof Records;
export type Change =
  { [K in Kind]: { readonly put: K; readonly value: Records[K] } }[Kind] | { readonly del: Kind; readonly cid: string };

/** Where changes go that must outlive this process. */
export interface Journal {
  /** Takes these changes together. Resolves when they would survive a kill -9. */
  append(changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
}

/** For an infrastructure that ends with its process. */
export const noJournal: Journal = { append: () => Promise.resolve(), close: () => Promise.resolve() };

const formatLine = JSON.stringify({ journal: 'gantry memory infrastructure', version: 1 });
/** Rewritten when it has this many lines more than four for each record: then most of it is history. */
const historyLinesMax = 20_000;
/** Between two breaths of the event loop: about 5 ms of JSON. */
const recordsPerTurn = 500;

/**
 * JSON lines, one change each, in `<directory>/journal.jsonl`. Writes that come together leave together, in order.
 * Not synced to the device: it survives this process, not a power cut, like the processes that it tells of.
 *
 * INVARIANTS
 * - One writer: `#drain` runs once at a time, and only it touches the file.
 * - A snapshot is written from the live records while changes go on; each of those changes is queued behind it, so
 *   reading the file to its end gives the records as they are.
 * - A change is in the live records before it is appended, so a snapshot in place of an append loses nothing.
 */
export class FileJournal implements Journal {
  readonly #directory: string;
  readonly #records: () => Iterable<Change>;
  readonly #release: () => Promise<void>;
  #file: FileHandle | undefined;
  #lines = 0;
  #linesMax = 0;
  #torn = false;
  #queued: Array<{ text: string; lines: number; done: (failure?: unknown) => void }> = [];
  #draining: Promise<void> | undefined;

  private constructor(directory: string, records: () => Iterable<Change>, release: () => Promise<void>) {
    this.#directory = directory;
    this.#records = records;
    this.#release = release;
  }

  /**
   * @param apply is given every change of the past, in order
   * @param records gives one `put` for each record there is
   * @throws OperatorError `memory-infrastructure-in-use` | `memory-journal-damaged`
   */
  static async open(directory: string, apply: (change: Change) => void, records: () => Iterable<Change>) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const journal = new FileJournal(directory, records, await claimDirectory(directory));
    try {
      for await (const change of read(journal.#path)) apply(change);
      await journal.#rewrite();
    } catch (thrown) {
      await journal.close();
      throw thrown;
    }
    return journal;
  }

  get #path() {
    return join(this.#directory, 'journal.jsonl');
  }

  append(changes: readonly Change[]): Promise<void> {
    const text = changes.map((change) => `${JSON.stringify(change)}\n`).join('');
    return new Promise((resolve, reject) => {
      const done = (failure?: unknown) => (failure === undefined ? resolve() : reject(failure as Error));
      this.#queued.push({ text, lines: changes.length, done });
      this.#draining ??= this.#drain();
    });
  }

  async close(): Promise<void> {
    await this.#draining;
    await this.#file?.close();
    this.#file = undefined;
    await this.#release();
  }

  async #drain(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve)); // what comes in the same turn goes in one write
    while (this.#queued.length > 0) {
      const batch = this.#queued;
      this.#queued = [];
      const failure = await this.#write(batch);
      for (const { done } of batch) done(failure);
    }
    this.#draining = undefined;
  }

  async #write(batch: ReadonlyArray<{ text: string; lines: number }>): Promise<unknown> {
    try {
      if (this.#file === undefined) throw new Error('the journal of the memory infrastructure is closed');
      if (this.#torn) await this.#rewrite();
      else await this.#file.appendFile(batch.map(({ text }) => text).join(''));
      this.#lines += batch.reduce((sum, { lines }) => sum + lines, 0);
      if (this.#lines > this.#linesMax) await this.#rewrite();
      return undefined;
    } catch (thrown) {
      this.#torn = true; // half a line may be in it
      return new OperatorError(`${this.#path} can't be written: ${messageOf(thrown)}`, {
        code: 'memory-journal-not-written',
        hint: 'Make room on that disk, then run the task again.',
        cause: thrown,
      });
    }
  }

  /** Puts the records as they are in place of how they came to be. */
  async #rewrite(): Promise<void> {
    const fresh = `${this.#path}.new`;
    await rm(fresh, { force: true });
    const file = await open(fresh, 'ax', 0o600);
    let lines = 1;
    let text = `${formatLine}\n`;
    for (const change of this.#records()) {
      text += `${JSON.stringify(change)}\n`;
      if (lines++ % recordsPerTurn !== 0) continue;
      await file.appendFile(text);
      text = '';
    }
    await file.appendFile(text);
    await rename(fresh, this.#path);
    await this.#file?.close();
    this.#file = file;
    this.#torn = false;
    this.#lines = lines;
    this.#linesMax = 4 * lines + historyLinesMax;
  }
}

async function* read(path: string): AsyncGenerator<Change, void, undefined> {
  const file = await open(path).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
  if (file === undefined) return;
  const { size } = await file.stat();
  const ending = Buffer.alloc(1);
  if (size > 0) await file.read(ending, 0, 1, size - 1);
  await file.close();
  const whole = ending.toString() === '\n';

  let line = 0;
  let held: string | undefined; // one line behind: a last one without its end was cut by a kill, and never answered for
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    if (held !== undefined) yield* parse(held, ++line, path);
    held = text;
  }
  if (held !== undefined && whole) yield* parse(held, ++line, path);
}

function* parse(text: string, line: number, path: string): Generator<Change, void, undefined> {
  if (line === 1) {
    if (text !== formatLine) throw damaged(path, line, 'it does not start as a journal of this version does');
    return;
  }
  try {
    yield JSON.parse(text) as Change; // we wrote it, and the first line says so
  } catch (thrown) {
    throw damaged(path, line, 'it is no JSON', thrown);
  }
}

function damaged(path: string, line: number, why: string, cause?: unknown): OperatorError {
  return new OperatorError(`${path}, line ${line}: ${why}`, {
    code: 'memory-journal-damaged',
    hint: 'Move the file away to start with an empty infrastructure, then run cloud check on each deployment.',
    details: { path, line },
    cause,
  });
}
