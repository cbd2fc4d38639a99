import type { TaskId } from '../../common/ids.ts';
import { terminalStates, type Task } from '../../director/store/tasks.ts';
import type { TaskEngine } from '../../director/tasks/engine.ts';
import { startGeneration, type GenerationOptions, type World } from '../support/given-director.ts';
import type { Dice } from './dice.ts';
import { Life, reachOf } from './life.ts';
import { keptLog } from './secrets.ts';

/** Of virtual time. The longest wait of a deploy is for agents that answer nothing, a few minutes each. */
const taskMsMax = 30 * 60_000;
/** What befalls directors during one operation. */
const strikesMax = 3;
/** Between two looks at a task. */
const lookMs = 1000;
/** A lease is 60 s: some wake in time. */
const stoppedMsMax = 180_000;

interface Running {
  name: string;
  life: Life;
  engine: TaskEngine;
}

/** Those that work on the store: one, or two that share the tasks. Who is killed is started anew at once. */
export class Directors {
  readonly log: string[] = [];
  readonly #world: World;
  readonly #dice: Dice;
  readonly #tell: (line: string) => void;
  readonly #count: number;
  readonly #otherHandlers: NonNullable<GenerationOptions['otherHandlers']>;
  #running: Running[] = [];
  #generation = 0;

  constructor(of: {
    world: World;
    dice: Dice;
    tell: (line: string) => void;
    count: 1 | 2;
    otherHandlers: NonNullable<GenerationOptions['otherHandlers']>;
  }) {
    this.#world = of.world;
    this.#dice = of.dice;
    this.#tell = of.tell;
    this.#count = of.count;
    this.#otherHandlers = of.otherHandlers;
  }

  async start(): Promise<void> {
    while (this.#running.length < this.#count) this.#running.push(await this.#startOne());
  }

  /** Whether others may go on with what one has begun. */
  get areTwo(): boolean {
    return this.#count === 2;
  }

  /** Of any of them. */
  get engine(): TaskEngine {
    return this.#dice.oneOf(this.#running).engine;
  }

  /** One of them is killed, or where there are two stopped for a while, within so many calls to the outside. */
  strikeWithin(moments: number): void {
    const { life, name } = this.#dice.oneOf(this.#running);
    const after = this.#dice.below(moments);
    if (this.#count === 1 || this.#dice.oneIn(3)) return life.killAfter(after);
    const ms = this.#dice.below(stoppedMsMax);
    life.strikeAfter(after, () => {
      this.#tell(`${name} stands still for ${ms} ms`);
      life.stopUntil(this.#world.clock.sleep(ms));
    });
  }

  /** Until these tasks have ended and nobody does anything. */
  async see(tasks: readonly TaskId[]): Promise<void> {
    const ended = Promise.all(tasks.map((id) => this.ended(id))).then(() => 'ended' as const);
    for (let strikes = 1; ; strikes++) {
      const deaths = this.#running.map((each) => each.life.death.then(() => each));
      const outcome = await Promise.race([ended, ...deaths]);
      if (outcome === 'ended') break;
      this.#tell(`kill -9 of ${outcome.name}`);
      this.#running = this.#running.filter((each) => each !== outcome);
      await this.start();
      if (strikes < strikesMax && this.#dice.oneIn(3)) this.strikeWithin(400);
    }
    for (const { life } of this.#running) life.strikeAfter(Infinity, () => {}); // the next operation decides anew
    await this.#idle();
  }

  async ended(id: TaskId): Promise<Task> {
    const { clock, store } = this.#world;
    const deadlineMs = clock.now() + taskMsMax;
    while (clock.now() < deadlineMs) {
      const task = await store.tasks.get(id);
      if (task === undefined) throw new Error(`task ${id} is gone`);
      if (terminalStates.has(task.state)) return task;
      await clock.sleep(lookMs);
    }
    const debug = await store.tasks.output(id, 'debug', { from: 0, bytesMax: 1_000_000 });
    const lines = debug?.bytes.toString().trim().split('\n').slice(-5) ?? [];
    throw new Error(`task ${id} has not ended in ${taskMsMax / 60_000} minutes; its last lines: ${lines.join(' | ')}`);
  }

  /** One that was stopped finds out that others have done its work. */
  async #idle(): Promise<void> {
    const { clock } = this.#world;
    const deadlineMs = clock.now() + taskMsMax;
    for (const { life, engine, name } of this.#running) {
      await life.awake;
      while (engine.running.length > 0) {
        if (clock.now() > deadlineMs) throw new Error(`${name} does not let go of tasks ${engine.running.join(', ')}`);
        await clock.sleep(lookMs);
      }
    }
  }

  async #startOne(): Promise<Running> {
    const name = `generation-${++this.#generation}`;
    const life = new Life();
    const reach = { ...reachOf(this.#world, life), log: keptLog(this.log) };
    const options = { alone: this.#count === 1, otherHandlers: this.#otherHandlers };
    const { engine } = await startGeneration(reach, name, options);
    return { name, life, engine };
  }
}
