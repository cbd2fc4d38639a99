import type { Clock } from '../../common/clock.ts';
import { timeOfDay } from './format.ts';
import type { TaskReporter } from './task-reporter.ts';
import type { Ui } from './ui.ts';

/** Says every so often that a task is still under way: for CI systems, which end what is silent. */
export class HeartbeatReporter implements TaskReporter {
  readonly #inner: TaskReporter;
  readonly #ui: Ui;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #everyMs: number;
  #lastMs: number | undefined;

  constructor(inner: TaskReporter, { ui, clock, everyMs }: { ui: Ui; clock: Pick<Clock, 'now'>; everyMs: number }) {
    this.#inner = inner;
    this.#ui = ui;
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  started(id: number): void {
    this.#inner.started(id);
  }

  output(id: number, chunk: string): void {
    this.#inner.output(id, chunk);
  }

  finished(id: number, state: string): void {
    this.#inner.finished(id, state);
  }

  stillRuns(id: number, state: string, startedAtS: number | null): void {
    const nowMs = this.#clock.now();
    if (this.#lastMs !== undefined && nowMs - this.#lastMs < this.#everyMs) return;
    this.#lastMs = nowMs;
    const elapsed = startedAtS === null || state === 'queued' ? '' : ` (${span(nowMs / 1000 - startedAtS)} elapsed)`;
    this.#ui.block(`\nTask ${id} | ${timeOfDay(nowMs / 1000)} | `);
    this.#ui.block(`Task state: ${state}${elapsed}`);
  }
}

/** As Go writes it: `1h2m3s`, `2m0s`, `5s`. */
function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return `${h > 0 ? `${h}h` : ''}${h > 0 || m > 0 ? `${m}m` : ''}${s}s`;
}
