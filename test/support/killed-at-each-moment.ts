import type { NewTask, Task } from '../../director/store/tasks.ts';
import { terminalStates } from '../../director/store/tasks.ts';
import { Life, reachOf } from '../simulate/life.ts';
import { violations } from '../simulate/invariants.ts';
import { openWorld, startGeneration, type GenerationOptions, type World } from './given-director.ts';
import { patientClock } from './real-work.ts';

export type Generation = Awaited<ReturnType<typeof startGeneration>>;

export interface MomentStory {
  /** With a director that lives, until what is to be done can be done. */
  given: (world: World, director: Generation) => Promise<void>;
  task: (world: World) => Promise<NewTask>;
  /** What is left to be said, with the task ended by a director that lives. */
  after: (world: World, ended: Task, director: Generation) => Promise<void>;
  /** Of every director. */
  options?: GenerationOptions;
  /** Between two moments that are tried. */
  every?: number;
}

/** Deaths are tried up to here: a task that still goes on then is longer than any of ours. */
const momentsMax = 600;

/**
 * Tells a story again and again. Each time the director that works at the task is killed with -9 a little later (a
 * moment is one side of a call to the outside), and another takes up what it left; until one comes to the end unharmed.
 * @returns how many were killed
 */
export async function killedAtEachMoment(story: MomentStory): Promise<number> {
  let deaths = 0;
  for (let moment = 1; moment < momentsMax; moment += story.every ?? 1) {
    const clock = patientClock();
    const killed = await clock.runUntil(tell(story, moment, clock));
    if (!killed) return deaths;
    deaths++;
  }
  throw new Error(`the task has not ended after ${momentsMax} moments`);
}

async function tell(story: MomentStory, moment: number, clock: ReturnType<typeof patientClock>): Promise<boolean> {
  const world = await openWorld({ clock });
  try {
    const first = await startGeneration(world, 'before', story.options);
    await story.given(world, first);
    await first.engine.idle();
    await stop(first);

    const life = new Life();
    await startGeneration(reachOf(world, life), 'mortal', story.options);
    life.killAfter(moment);
    const task = await world.store.tasks.create(await story.task(world), clock.now());
    const end = ended(world, task);
    await Promise.race([life.death, end]);
    const killed = life.over;
    life.kill(); // what it had in memory hangs for ever

    const second = await startGeneration(world, 'after', story.options);
    await second.engine.idle();
    const found = await violations(world);
    if (found.length > 0) throw new Error(`killed at moment ${moment}: ${found.join('; ')}`);
    await story.after(world, (await world.store.tasks.get(task.id)) ?? task, second);
    await second.engine.idle();
    await stop(second);
    return killed;
  } finally {
    await world.bus.close();
    await world.cpi.close();
    await world.store.close();
  }
}

async function stop({ engine, heartbeats, agents }: Generation): Promise<void> {
  await engine.stop({ graceMs: 1000 });
  heartbeats.close();
  agents.close();
}

async function ended({ store, clock }: World, { id }: Task): Promise<void> {
  for (;;) {
    const task = await store.tasks.get(id);
    if (task === undefined || terminalStates.has(task.state)) return;
    await clock.sleep(250);
  }
}
