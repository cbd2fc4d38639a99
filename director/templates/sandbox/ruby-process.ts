import { fork, type ChildProcess } from 'node:child_process';
import type { Lane, LaneListener, Progress } from '../lane.ts';
import type { FromProcess, SeedTask, ToProcess } from './process-protocol.ts';

/**
 * The process in which all Rubies of the sandbox have their threads (process-main.ts), seen from the director. What
 * they use goes back to the system when it ends: it would stay with the director's own allocator otherwise, some
 * 200 MB. One for all lanes, because V8 compiles what Ruby uses much once for a process, and that takes seconds.
 *
 * INVARIANTS
 * - It ends by itself when its channel to the director closes, so also with a director that was killed.
 * - When it is lost, so are all its lanes, and it is asked nothing more.
 */
export class RubyProcess {
  /** Whether Ruby had to start from nothing. */
  readonly booted: boolean;
  readonly #channel: Channel;
  #lanes = 0;

  private constructor(channel: Channel, booted: boolean) {
    this.#channel = channel;
    this.booted = booted;
  }

  /** Resolves when it can serve. @throws Error when it ended before, or `signal` ended it */
  static async start(program: string, task: SeedTask, signal: AbortSignal): Promise<RubyProcess> {
    signal.throwIfAborted();
    const channel = new Channel(program);
    const end = () => void channel.stop();
    signal.addEventListener('abort', end, { once: true });
    try {
      const booted = await new Promise<boolean>((resolve, reject) => {
        channel.listen('process', {
          lost: reject,
          message: (message) => {
            if ('seeded' in message) resolve(message.booted);
            if ('lost' in message) reject(new Error(message.lost));
          },
        });
        channel.send({ seed: task });
      });
      return new RubyProcess(channel, booted);
    } catch (error) {
      await channel.stop();
      throw error;
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  get lost(): boolean {
    return this.#channel.lost !== undefined;
  }

  startLane(): Promise<Lane> {
    return ProcessLane.start(this.#channel, this.#lanes++);
  }

  /** Ends it and all that is in it. */
  stop(): Promise<void> {
    return this.#channel.stop();
  }
}

class ProcessLane implements Lane {
  listener: LaneListener | undefined;
  readonly #channel: Channel;
  readonly #number: number;
  #lost: Error | undefined;
  #progress: Progress = { rendersBegun: 0, instance: -1, source: -1 };
  #tellReady: () => void = () => {};
  #tellStopped: () => void = () => {};
  readonly #stopped = new Promise<void>((resolve) => (this.#tellStopped = resolve));

  private constructor(channel: Channel, number: number) {
    this.#channel = channel;
    this.#number = number;
  }

  static async start(channel: Channel, number: number): Promise<ProcessLane> {
    const lane = new ProcessLane(channel, number);
    await new Promise<void>((resolve, reject) => {
      lane.#tellReady = resolve;
      lane.listener = { answer: () => {}, lost: reject };
      channel.listen(number, {
        message: (message) => lane.#take(message),
        lost: (cause) => {
          lane.#tellStopped();
          lane.#lose(cause);
        },
      });
      lane.#channel.send({ lane: number, act: 'start' });
    });
    lane.listener = undefined;
    return lane;
  }

  begin(): Promise<void> {
    this.#progress = { rendersBegun: this.#progress.rendersBegun, instance: -1, source: -1 };
    this.#channel.send({ lane: this.#number, act: 'begin' });
    return Promise.resolve();
  }

  send(request: Uint8Array): void {
    const lost = this.#lost;
    if (lost === undefined) return this.#channel.send({ lane: this.#number, request });
    queueMicrotask(() => this.listener?.lost(lost));
  }

  /** As it was a moment ago. */
  progress(): Progress {
    return this.#progress;
  }

  async stop(): Promise<void> {
    this.listener = undefined;
    this.#lost ??= new Error('it was stopped');
    this.#channel.send({ lane: this.#number, act: 'stop' });
    await this.#stopped;
    this.#channel.forget(this.#number);
  }

  #take(message: FromProcess): void {
    if ('answer' in message) this.listener?.answer(message.answer);
    else if ('progress' in message) this.#progress = message.progress;
    else if ('lost' in message) this.#lose(new Error(message.lost));
    else if ('ready' in message) this.#tellReady();
    else if ('stopped' in message) this.#tellStopped();
  }

  #lose(cause: Error): void {
    this.#lost ??= cause;
    this.listener?.lost(this.#lost);
  }
}

interface Listener {
  readonly message: (message: FromProcess) => void;
  readonly lost: (cause: Error) => void;
}

/** Whose a message is: of the process as a whole, or of a lane. */
type Address = 'process' | number;

/** The process itself, and who hears what it says. */
class Channel {
  lost: Error | undefined;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #listeners = new Map<Address, Listener>();

  constructor(program: string) {
    this.#child = fork(program, {
      serialization: 'advanced', // bytes as they are
      env: {},
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'], // what templates print never gets here; V8's last words do
      detached: true, // Ctrl-C in a terminal is for the director alone, which ends in order
    });
    this.#child.on('message', (message: FromProcess) => {
      this.#listeners.get('lane' in message ? message.lane : 'process')?.message(message);
    });
    this.#child.on('error', (cause) => this.#lose(cause));
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', () => resolve()); // it never began
      this.#child.once('exit', (code, signal) => {
        this.#lose(new Error(`Ruby's process ended with ${code ?? signal}`));
        resolve();
      });
    });
  }

  listen(address: Address, listener: Listener): void {
    this.#listeners.set(address, listener);
    if (this.lost !== undefined) listener.lost(this.lost);
  }

  forget(address: Address): void {
    this.#listeners.delete(address);
  }

  send(message: ToProcess): void {
    if (this.lost === undefined) this.#child.send(message, () => {}); // what could not be sent ends with an exit
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #lose(cause: Error): void {
    this.lost ??= cause;
    for (const { lost } of this.#listeners.values()) lost(this.lost);
    this.#listeners.clear();
  }
}
