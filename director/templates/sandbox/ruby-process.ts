import { fork, type ChildProcess } from 'node:child_process';
import { AllLanesLost, type Lane, type LaneListener, type Progress } from '../lane.ts';
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

  /**
   * Resolves when it can serve.
   * @param signal ends it, whenever it comes
   * @throws Error when it ended before
   */
  static async start(program: string, task: SeedTask, signal: AbortSignal): Promise<RubyProcess> {
    signal.throwIfAborted();
    const channel = new Channel(program);
    const end = () => void channel.stop();
    signal.addEventListener('abort', end, { once: true });
    void channel.ended.then(() => signal.removeEventListener('abort', end));
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
    try {
      await lane.#ready();
    } catch (error) {
      channel.forget(number);
      throw error;
    }
    lane.listener = undefined;
    return lane;
  }

  #ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#tellReady = resolve;
      this.listener = { answer: () => {}, lost: reject };
      this.#channel.listen(this.#number, {
        message: (message) => this.#take(message),
        lost: (cause) => {
          this.#tellStopped();
          this.#lose(cause);
        },
      });
      this.#channel.send({ lane: this.#number, act: 'start' });
    });
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
  /** Resolves also when it never began. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
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
    this.ended = new Promise((resolve) => {
      this.#child.once('error', () => resolve()); // it never began
      this.#child.once('exit', (code, signal) => {
        this.#lose(new AllLanesLost(`Ruby's process ended with ${code ?? signal}`));
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
    if (this.lost !== undefined || !this.#began) return; // what it was to do is lost, or will be in a moment
    this.#child.send(message, () => {}); // what could not be sent ends with an exit
  }

  async stop(): Promise<void> {
    if (this.#began) this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** Where it could not be forked it can't be sent anything, and to kill it kills this very process with its group. */
  get #began(): boolean {
    return this.#child.pid !== undefined;
  }

  #lose(cause: Error): void {
    this.lost ??= cause;
    for (const { lost } of this.#listeners.values()) lost(this.lost);
    this.#listeners.clear();
  }
}
