import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { systemClock, type Clock } from '../../common/clock.ts';
import type { Log } from '../../common/log.ts';
import { endRequest } from './frames.ts';
import { ask, type Lane, type LaneListener, type Progress } from './lane.ts';
import { LanePool, type LaneSource, type PoolOptions } from './pool.ts';
import type { TemplateRenderer } from './renderer.ts';
import { nativeProgram } from './sandbox/assets.ts';

export interface NativeOptions extends PoolOptions {
  /** The `ruby` to start; 3.1 or later. */
  readonly ruby: string;
}

/**
 * Renders with the Ruby of this machine: two to four times as fast, and without any wall. A template can do there
 * whatever the director can, so it is for those who trust every release. The limit on memory does not hold.
 */
export function nativeRenderer(options: NativeOptions, { clock, log }: { clock: Clock; log: Log }): TemplateRenderer {
  return new LanePool(new NativeLanes(options.ruby), options, { clock, log });
}

class NativeLanes implements LaneSource {
  readonly #ruby: string;

  constructor(ruby: string) {
    this.#ruby = ruby;
  }

  async start(): Promise<Lane> {
    // A group of its own, so that what it forks can be ended with it. Nobody reads what templates print.
    const child = spawn(this.#ruby, ['-EUTF-8', fileURLToPath(nativeProgram())], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    return new NativeLane(child);
  }

  rest(): void {}

  close(): void {}
}

class NativeLane implements Lane {
  listener: LaneListener | undefined;
  readonly #child: ChildProcess;
  readonly #jobs: Writable;
  readonly #requests: Writable;
  readonly #ended: Promise<void>;
  #lost: Error | undefined;
  #serving = false;
  #progress: Progress = { rendersBegun: 0, instance: -1, source: -1 };

  constructor(child: ChildProcess) {
    this.#child = child;
    // Pipes because they were asked for, though the type ends with the fifth.
    const [jobs, , , requests, answers, progress] = child.stdio as unknown as Pipes;
    this.#jobs = jobs;
    this.#requests = requests;
    this.#ended = new Promise((resolve) => child.once('close', () => resolve()));
    const lose = (cause: Error) => {
      this.#lost ??= cause;
      this.listener?.lost(cause);
    };
    for (const pipe of [this.#jobs, this.#requests]) pipe.on('error', lose);
    child.on('error', lose);
    child.on('close', (code, signal) => lose(new Error(`its process ended with ${code ?? signal}`)));
    answers.on('data', (bytes: Buffer) => this.listener?.answer(bytes));
    progress.on('data', (bytes: Buffer) => this.#note(bytes.toString('latin1')));
  }

  /** Each job has a process of its own. The last one has to be through with its requests before there are others. */
  async begin(): Promise<void> {
    if (this.#serving) await ask(this, endRequest(), END_LIMITS, systemClock, () => {});
    this.#serving = true;
    this.#progress = { rendersBegun: this.#progress.rendersBegun, instance: -1, source: -1 };
    this.#jobs.write('job\n');
  }

  send(request: Uint8Array): void {
    const lost = this.#lost;
    if (lost === undefined) this.#requests.write(request);
    else queueMicrotask(() => this.listener?.lost(lost));
  }

  progress(): Progress {
    return this.#progress;
  }

  async stop(): Promise<void> {
    this.listener = undefined;
    this.#lost ??= new Error('it was stopped');
    const { pid, exitCode, signalCode } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        this.#child.kill('SIGKILL'); // it ended in between, or has no group yet
      }
    }
    await this.#ended;
  }
  /** The last whole line; more may have come at once. */
  #note(lines: string): void {
    const all = lines.split('\n').filter((line) => /^\d+ \d+$/.test(line));
    const [instance, source] = (all.at(-1) ?? '').split(' ');
    if (source === undefined) return;
    const rendersBegun = this.#progress.rendersBegun + all.length;
    this.#progress = { rendersBegun, instance: Number(instance), source: Number(source) };
  }
}

type Pipes = [jobs: Writable, null, null, requests: Writable, answers: Readable, progress: Readable];

/** All it has to do is to read a line and answer. */
const END_LIMITS = { renderMsMax: 10_000, answerBytesMax: 1024 };
