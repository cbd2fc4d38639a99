import type { ErrorEvent, NoticeEvent, ProgressEvent, TaskEvent } from '../../director/api/contract/tasks.ts';
import { duration, timeOfDay, unixDate } from './format.ts';
import type { Ui } from './ui.ts';

/** Hears what becomes of a task that is being followed. */
export interface TaskReporter {
  started(id: number): void;
  output(id: number, chunk: string): void;
  finished(id: number, state: string): void;
  /** Told each time that it was looked at and had not ended. */
  stillRuns?(id: number, state: string, startedAtS: number | null): void;
}

/** Task output as it is: debug and CPI logs, results, raw events. */
export class PlainTaskReporter implements TaskReporter {
  readonly #ui: Ui;
  #silent = true;

  constructor(ui: Ui) {
    this.#ui = ui;
  }

  started(id: number): void {
    this.#ui.begin(`Task ${id}`);
  }

  output(_id: number, chunk: string): void {
    for (const each of this.#silent ? ['\n', '\n'] : []) this.#ui.begin(each); // two in JSON, as bosh has them
    this.#silent = false;
    this.#ui.block(chunk);
  }

  finished(id: number, state: string): void {
    if (this.#silent) this.#ui.end(`. ${titled(state)}`);
    else this.#ui.begin(`\nTask ${id} ${state}\n`);
  }
}

interface Followed {
  /** The end of the last chunk: the beginning of a line. */
  rest: string;
  readonly events: TaskEvent[];
}

/**
 * Task events, a line each as the bosh CLI writes them: `Task 7 | 12:00:01 | Preparing deployment: Binding`, with
 * ` (00:00:02)` behind the line when its end follows at once, and a line of its own for the end otherwise.
 */
export class EventReporter implements TaskReporter {
  readonly #ui: Ui;
  readonly #tasks = new Map<number, Followed>();
  /** Whether something was printed since the last task started; two that run side by side share this. */
  #silentTask: number | undefined;
  #last: { task: number; event: TaskEvent | undefined } | undefined;
  #any = false;

  constructor(ui: Ui) {
    this.#ui = ui;
  }

  started(id: number): void {
    if (this.#any) this.#ui.end('');
    this.#any = true;
    this.#tasks.set(id, { rest: '', events: [] });
    this.#silentTask = id;
    this.#last = { task: id, event: undefined };
    this.#ui.begin(`Task ${id}`);
  }

  output(id: number, chunk: string): void {
    const task = this.#tasks.get(id);
    if (task === undefined || chunk === '') return;
    if (this.#silentTask === id) this.#ui.begin('\n');
    this.#silentTask = undefined;
    const lines = (task.rest + chunk).split('\n');
    task.rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') this.#show(id, task, JSON.parse(line) as TaskEvent); // the contract's
  }

  finished(id: number, state: string): void {
    const events = this.#tasks.get(id)?.events ?? [];
    const [first, last] = [events[0], events.at(-1)];
    if (first !== undefined && last !== undefined) {
      const span = duration(last.time - first.time);
      this.#ui.begin(
        `\n\nTask ${id} Started  ${unixDate(first.time)}\nTask ${id} Finished ${unixDate(last.time)}` +
          `\nTask ${id} Duration ${span}`,
      );
    }
    if (this.#silentTask === id) this.#ui.end(`. ${titled(state)}`);
    else this.#ui.begin(`\nTask ${id} ${state}\n`);
    this.#silentTask = undefined;
  }

  #show(id: number, task: Followed, event: TaskEvent): void {
    const prefix = `\nTask ${id} | ${timeOfDay(event.time)} | `;
    if ('stage' in event) this.#showProgress(id, task, event, prefix);
    else this.#showNotice(id, event, prefix);
    task.events.push(event);
    this.#last = { task: id, event };
  }

  #showProgress(id: number, task: Followed, event: ProgressEvent, prefix: string): void {
    const last = this.#last?.task === id ? this.#last.event : undefined;
    const goesOn = last !== undefined && isSame(last, event);
    const begun = task.events.find((each) => isSame(each, event));
    const took = begun === undefined ? '' : duration(event.time - begun.time);
    const tags = (event.tags ?? []).length > 0 ? ` ${event.tags.join(', ')}` : '';
    const line = `${event.stage}${tags}: ${event.task}`;
    switch (event.state) {
      case 'started':
        if (!goesOn) this.#blocks(prefix, line);
        return;
      case 'in_progress':
        if (!goesOn) this.#blocks(prefix, line);
        this.#blocks(prefix, `L ${event.data?.status ?? ''}: ${event.task}`);
        return;
      case 'finished':
        this.#blocks(...(goesOn ? [] : [prefix, line]), ` (${took})`);
        return;
      case 'failed':
        this.#blocks(...(goesOn ? [] : [prefix, line]), ` (${took})`);
        this.#ui.errorBlock(`\n     ${' '.repeat(String(id).length)}            L Error: ${event.data?.error ?? ''}`);
    }
  }

  /** One line, but in JSON one block each, as those know it who search there. */
  #blocks(...parts: readonly string[]): void {
    for (const part of parts) this.#ui.block(part);
  }

  #showNotice(id: number, event: NoticeEvent | ErrorEvent, prefix: string): void {
    const apart = this.#last !== undefined && this.#last.task !== id;
    if (apart && ('error' in event || event.type === 'deprecation')) this.#ui.block('\n');
    this.#ui.block(prefix);
    if ('error' in event) this.#ui.errorBlock(`Error: ${event.error.message}`);
    else this.#ui.errorBlock(noticeText(event));
  }
}

export function isSame(a: TaskEvent, b: ProgressEvent): boolean {
  return 'stage' in a && a.stage === b.stage && a.task === b.task && (a.tags ?? []).join() === (b.tags ?? []).join();
}

/** Shows a task only once it has failed; of one that went well, what it warned of. */
export class QuietReporter implements TaskReporter {
  readonly #inner: TaskReporter;
  readonly #ui: Ui;
  #kept: string[] = [];

  constructor(inner: TaskReporter, ui: Ui) {
    this.#inner = inner;
    this.#ui = ui;
  }

  started(): void {
    this.#kept = [];
  }

  output(_id: number, chunk: string): void {
    this.#kept.push(chunk);
  }

  finished(id: number, state: string): void {
    if (state === 'done') return this.#warn();
    this.#inner.started(id);
    for (const chunk of this.#kept) this.#inner.output(id, chunk);
    this.#inner.finished(id, state);
  }

  #warn(): void {
    const lines = this.#kept.join('').split('\n');
    for (const line of lines.filter((each) => each !== '')) {
      const event = JSON.parse(line) as TaskEvent; // the contract's
      if (!('stage' in event) && !('error' in event)) this.#ui.errorLine(noticeText(event));
    }
  }
}

export const noticeText = ({ type, message }: NoticeEvent) =>
  `${type === 'deprecation' ? 'Deprecation' : 'Warning'}: ${message}`;

export const titled = (state: string) => state.charAt(0).toUpperCase() + state.slice(1);
