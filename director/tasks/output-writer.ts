import type { Clock, Timer } from '../../common/clock.ts';
import type { Log } from '../../common/log.ts';
import { LeaseLost } from '../store/errors.ts';
import type { OutputStream, Task } from '../store/tasks.ts';
import { outputOverflow } from './task-errors.ts';

/** How stale the output may be for someone who follows it; the CLI asks twice a second. */
const flushMs = 100;
const flushBytes = 16 * 1024;
/** One append at a time holds the database no longer than it takes to write this much. */
const appendBytesMax = 1024 * 1024;
/** After a failed write: the database is full, restarting or slow. */
const retryMs = 1000;

/** What may wait in memory for the database. Past it debug and cpi lines are left out, events and results never. */
const waitingBytesMax: Record<OutputStream, number> = {
  debug: 4 * 1024 * 1024,
  cpi: 4 * 1024 * 1024,
  event: 64 * 1024 * 1024,
  result: 64 * 1024 * 1024,
};

/** In one attempt of a task; a deploy of a thousand machines writes some tens of megabytes. */
const streamBytesMax = 512 * 1024 * 1024;

const streams: readonly OutputStream[] = ['debug', 'cpi', 'result', 'event'];

interface Waiting {
  texts: string[];
  bytes: number;
  /** Left out since the last write. */
  droppedBytes: number;
}

export type OutputRest = ReadonlyArray<{ stream: OutputStream; bytes: Buffer }>;

/**
 * Collects what a task writes and appends it in portions.
 *
 * INVARIANTS
 * - Within a stream the order is that of the calls; one append is under way at a time.
 * - Texts are never cut, so a reader that comes in between sees whole lines and whole characters.
 * - After `seal` nothing is appended: what is left goes with the transaction that ends the task.
 */
export class OutputWriter {
  readonly #task: Task['id'];
  readonly #append: (stream: OutputStream, bytes: Buffer) => Promise<void>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onLost: (error: LeaseLost) => void;
  readonly #waiting = new Map<OutputStream, Waiting>();
  readonly #written = new Map<OutputStream, number>();
  #timer: Timer | undefined;
  #flushing: Promise<void> | undefined;
  #sealed = false;

  constructor(of: {
    task: Task['id'];
    append: (stream: OutputStream, bytes: Buffer) => Promise<void>;
    clock: Clock;
    log: Log;
    /** Another worker has the task; nothing is written any more. */
    onLost: (error: LeaseLost) => void;
  }) {
    this.#task = of.task;
    this.#append = of.append;
    this.#clock = of.clock;
    this.#log = of.log;
    this.#onLost = of.onLost;
  }

  /** @throws OperatorError `task-output-overflow` for events and results; debug and cpi lines are left out instead */
  write(stream: OutputStream, text: string): void {
    if (text === '') return;
    if (this.#sealed) return this.#log.warn('task-output-after-end', { task: this.#task, stream });
    const waiting = this.#of(stream);
    const bytes = Buffer.byteLength(text);
    if (!this.#admits(stream, waiting, bytes)) {
      waiting.droppedBytes += bytes;
      return;
    }
    waiting.texts.push(text);
    waiting.bytes += bytes;
    this.#written.set(stream, (this.#written.get(stream) ?? 0) + bytes);
    if (waiting.bytes >= flushBytes) this.#flushSoon(0);
    else this.#flushSoon(flushMs);
  }

  /** Ends all writing and gives what has not been appended. */
  async seal(): Promise<OutputRest> {
    this.#sealed = true;
    this.#timer?.cancel();
    await this.#flushing;
    return this.#take(Infinity);
  }

  #admits(stream: OutputStream, waiting: Waiting, bytes: number): boolean {
    const full = waiting.bytes + bytes > waitingBytesMax[stream];
    if (stream === 'event' || stream === 'result') {
      if (full) throw outputOverflow(this.#task, stream, waitingBytesMax[stream]);
      return true;
    }
    return !full && (this.#written.get(stream) ?? 0) + bytes <= streamBytesMax;
  }

  #of(stream: OutputStream): Waiting {
    let waiting = this.#waiting.get(stream);
    if (waiting === undefined) this.#waiting.set(stream, (waiting = { texts: [], bytes: 0, droppedBytes: 0 }));
    return waiting;
  }

  #flushSoon(ms: number): void {
    if (this.#flushing !== undefined || this.#sealed) return; // the flush looks again when it ends
    if (ms === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
      this.#flushing = this.#flush().finally(() => {
        this.#flushing = undefined;
        if (this.#timer === undefined) this.#flushWhatCame();
      });
      return;
    }
    this.#timer ??= this.#clock.after(ms, () => {
      this.#timer = undefined;
      this.#flushSoon(0);
    });
  }

  #flushWhatCame(): void {
    const most = Math.max(0, ...[...this.#waiting.values()].map(({ bytes }) => bytes));
    if (most > 0) this.#flushSoon(most >= flushBytes ? 0 : flushMs);
  }

  /** Never rejects. */
  async #flush(): Promise<void> {
    const portions = this.#take(appendBytesMax);
    for (const [at, { stream, bytes }] of portions.entries()) {
      try {
        await this.#append(stream, bytes);
      } catch (thrown) {
        this.#putBack(portions.slice(at));
        if (thrown instanceof LeaseLost) {
          this.#sealed = true;
          return this.#onLost(thrown);
        }
        this.#log.warn('task-output-not-written', { task: this.#task, error: String(thrown) });
        if (!this.#sealed)
          this.#timer ??= this.#clock.after(retryMs, () => ((this.#timer = undefined), this.#flushSoon(0)));
        return;
      }
    }
  }

  /** What waits, debug first and events last: who sees an event finds the rest written. */
  #take(bytesMax: number): OutputRest {
    const portions = [];
    for (const stream of streams) {
      const waiting = this.#waiting.get(stream);
      if (waiting === undefined) continue;
      const texts = takeTexts(waiting, bytesMax);
      if (waiting.texts.length === 0) {
        if (waiting.droppedBytes > 0) texts.push(`... ${waiting.droppedBytes} bytes of output left out here\n`);
        this.#waiting.delete(stream);
      }
      portions.push({ stream, bytes: Buffer.from(texts.join('')) });
    }
    return portions;
  }

  #putBack(portions: OutputRest): void {
    for (const { stream, bytes } of portions) {
      const waiting = this.#of(stream);
      waiting.texts.unshift(bytes.toString());
      waiting.bytes += bytes.length;
    }
  }
}

/** Whole texts, at least one, together at most `bytesMax` if they are several. */
function takeTexts(waiting: Waiting, bytesMax: number): string[] {
  let count = 0;
  let bytes = 0;
  for (const text of waiting.texts) {
    const more = Buffer.byteLength(text);
    if (count > 0 && bytes + more > bytesMax) break;
    count++;
    bytes += more;
  }
  waiting.bytes -= bytes;
  return waiting.texts.splice(0, count);
}
