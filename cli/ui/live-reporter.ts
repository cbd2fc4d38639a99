import type { ErrorEvent, NoticeEvent, ProgressEvent, TaskEvent } from '../../director/api/contract/tasks.ts';
import type { Clock } from '../../common/clock.ts';
import { duration, timeOfDay, unixDate } from './format.ts';
import { frameMs, spinnerAt, type StatusLine } from './live-region.ts';
import { runningStatus, stageStatus } from './status-lines.ts';
import { noticeText, titled, type TaskReporter } from './task-reporter.ts';
import type { Ui } from './ui.ts';

interface Running {
  readonly event: ProgressEvent;
  readonly sinceMs: number;
  /** What it is at: `executing drain`. */
  readonly step: string;
}

interface Stage {
  readonly title: string;
  readonly total: number;
  readonly sinceMs: number;
  finished: number;
}

interface Followed {
  rest: string;
  sinceMs: number;
  readonly stages: Map<string, Stage>;
  readonly running: Map<string, Running>;
  firstS?: number;
  lastS?: number;
  /** Whether anything of it was printed for good. */
  printed: boolean;
}

/** More would push what was printed off the screen. */
const rowsMax = 8;

/**
 * A task for somebody who looks at it: each thing that ended is a line for good, the same as EventReporter prints;
 * what is going on moves below, a bar for each stage and a line for each instance or package in it.
 */
export class LiveReporter implements TaskReporter {
  readonly #ui: Ui;
  readonly #clock: Clock;
  readonly #tasks = new Map<number, Followed>();
  #ticker: NodeJS.Timeout | undefined;

  constructor({ ui, clock }: { ui: Ui; clock: Clock }) {
    this.#ui = ui;
    this.#clock = clock;
  }

  started(id: number): void {
    const task: Followed = {
      rest: '',
      sinceMs: this.#clock.now(),
      stages: new Map(),
      running: new Map(),
      printed: false,
    };
    this.#tasks.set(id, task);
    this.#ticker ??= setInterval(() => this.#draw(), frameMs).unref();
    this.#draw();
  }

  output(id: number, chunk: string): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    const lines = (task.rest + chunk).split('\n');
    task.rest = lines.pop() ?? '';
    // nothing that is printed meanwhile shall bring back what was drawn before these events
    if (lines.length > 0) this.#ui.status([]);
    const events = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as TaskEvent); // the contract's
    // Who comes to a task that has run for long sees for how long, whatever the clocks say: the newest event is now.
    const newestS = events.at(-1)?.time ?? 0;
    for (const event of events) this.#take(id, task, event, this.#clock.now() - (newestS - event.time) * 1000);
    this.#draw();
  }

  finished(id: number, state: string): void {
    const task = this.#tasks.get(id);
    this.#tasks.delete(id);
    if (this.#tasks.size === 0) {
      clearInterval(this.#ticker);
      this.#ticker = undefined;
    }
    this.#draw();
    if (task === undefined) return;
    // what never ended, such as what a cancelled task was at
    for (const { event } of task.running.values()) this.#keep(id, task, event.time, titleOf(event));
    const { firstS, lastS, printed } = task;
    if (!printed) return this.#ui.end(`Task ${id}. ${titled(state)}`);
    if (firstS !== undefined && lastS !== undefined) {
      this.#ui.end(`\nTask ${id} Started  ${unixDate(firstS)}\nTask ${id} Finished ${unixDate(lastS)}`);
      this.#ui.end(`Task ${id} Duration ${duration(lastS - firstS)}`);
    }
    this.#ui.end(`Task ${id} ${state}`);
  }

  #take(id: number, task: Followed, event: TaskEvent, atMs: number): void {
    task.firstS ??= event.time;
    task.sinceMs = Math.min(task.sinceMs, atMs);
    task.lastS = event.time;
    if ('stage' in event) this.#takeProgress(id, task, event, atMs);
    else this.#takeNotice(id, task, event);
  }

  #takeProgress(id: number, task: Followed, event: ProgressEvent, atMs: number): void {
    const [stageKey, key] = [keyOf(event), `${keyOf(event)}\n${event.task}`];
    const before = task.running.get(key);
    const stage = task.stages.get(stageKey) ?? { title: stageOf(event), total: 0, sinceMs: atMs, finished: 0 };
    task.stages.set(stageKey, { ...stage, total: Math.max(event.total ?? 0, stage.total, stage.finished + 1) });
    if (event.state === 'started' || event.state === 'in_progress') {
      const step = event.data?.status ?? before?.step ?? '';
      task.running.set(key, { event: before?.event ?? event, sinceMs: before?.sinceMs ?? atMs, step });
      return;
    }
    task.running.delete(key);
    const ended = task.stages.get(stageKey);
    if (ended !== undefined) ended.finished++;
    const begunS = before?.event.time ?? event.time;
    this.#keep(id, task, begunS, `${titleOf(event)} (${duration(event.time - begunS)})`);
    if (event.state === 'failed')
      this.#ui.errorBlock(`${' '.repeat(17 + String(id).length)}L Error: ${event.data?.error ?? ''}\n`);
  }

  #takeNotice(id: number, task: Followed, event: NoticeEvent | ErrorEvent): void {
    const text = 'error' in event ? `Error: ${event.error.message}` : noticeText(event);
    this.#keep(id, task, event.time, text, true);
  }

  #keep(id: number, task: Followed, atS: number, text: string, bad = false): void {
    if (!task.printed) this.#ui.end(`Task ${id}\n`);
    task.printed = true;
    const line = `Task ${id} | ${timeOfDay(atS)} | ${text}\n`;
    if (bad) this.#ui.errorBlock(line);
    else this.#ui.block(line);
  }

  #draw(): void {
    const nowMs = this.#clock.now();
    this.#ui.status([...this.#tasks].flatMap(([id, task]) => statusOf(id, task, nowMs)));
  }
}

function statusOf(id: number, task: Followed, nowMs: number): StatusLine[] {
  const spinner = spinnerAt(nowMs);
  const busy = [...task.stages].flatMap(([key, stage]) => {
    const running = [...task.running.values()].filter(({ event }) => keyOf(event) === key);
    return running.length === 0 ? [] : [{ stage, running }];
  });
  const stageLine = ({ sinceMs, ...stage }: Stage) => stageStatus(stage, { spinner, time: since(sinceMs, nowMs) });
  if (busy.length === 0) {
    // between two waves of a stage, or two stages
    const last = [...task.stages.values()].at(-1);
    if (last !== undefined && last.finished < last.total) return [stageLine(last)];
    const after = last === undefined ? '' : `, after ${last.title}`;
    const text = (behind: string) => `${spinner} Task ${id}${behind}  ${since(task.sinceMs, nowMs)}`;
    return [{ text: text(after), shorter: [text('')] }];
  }
  const lines = busy.flatMap(({ stage, running }): StatusLine[] => [
    stageLine(stage),
    ...running
      .filter(({ event }) => event.task !== event.stage)
      .map(({ event, step, sinceMs }) => runningStatus(event.task, { step, time: since(sinceMs, nowMs) })),
  ]);
  const left = lines.length - rowsMax;
  return left <= 0 ? lines : [...lines.slice(0, rowsMax), { text: `    and ${left} more`, faint: true }];
}

const since = (fromMs: number, nowMs: number) => duration(Math.max(0, nowMs - fromMs) / 1000);
const keyOf = ({ stage, tags }: ProgressEvent) => JSON.stringify([stage, tags]);
const stageOf = ({ stage, tags }: ProgressEvent) => (tags.length > 0 ? `${stage} ${tags.join(', ')}` : stage);
const titleOf = (event: ProgressEvent) => `${stageOf(event)}: ${event.task}`;
