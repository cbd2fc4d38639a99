import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededChance } from '../../common/chance.ts';
import type { VirtualClock } from '../../common/clock.ts';
import type { TaskId } from '../../common/ids.ts';
import { openWorld, uploadCloudConfig } from '../support/given-director.ts';
import { patientClock } from '../support/real-work.ts';
import { Artifacts } from './artifacts.ts';
import { Dice } from './dice.ts';
import { Directors } from './directors.ts';
import { breakThings } from './faults.ts';
import { violations } from './invariants.ts';
import { loseThings } from './losses.ts';
import { simulatedCloudConfig } from './manifest.ts';
import { mend } from './mend.ts';
import { Operators, type Simulated } from './operators.ts';
import { danglingReferences } from './references.ts';
import { secretViolations } from './secrets.ts';

/** Operations of one scenario before everything is mended. */
const operations = 5;
/** Where a task may be cancelled. Most take less. */
const cancelMsMax = 20_000;

/** Runs one seed to its end. @returns what was violated, with what had been done until then */
export async function runSeed(seed: number): Promise<{ violated: string[]; story: string[] }> {
  const clock = patientClock();
  const story: string[] = [];
  const dir = await mkdtemp(join(tmpdir(), 'gantry-simulate-'));
  try {
    const violated = await clock.runUntil(run({ seed, clock, dir, tell: (line) => void story.push(line) }));
    return { violated, story };
  } catch (thrown) {
    return { violated: [thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)], story };
  } finally {
    await rm(dir, { recursive: true });
  }
}

interface Seed {
  seed: number;
  clock: VirtualClock;
  /** For uploads, and what machines fetch. */
  dir: string;
  tell: (line: string) => void;
}

async function run({ seed, clock, dir, tell }: Seed): Promise<string[]> {
  const dice = new Dice(seededChance(seed * 7919 + 1));
  const world = await openWorld({ clock, seed, fetchDir: dir });
  const artifacts = new Artifacts(world, dir);
  const count = dice.oneIn(3) ? 2 : 1;
  const directors = new Directors({ world, dice, tell, count, otherHandlers: artifacts.handlers });
  const simulated = { world, dice, directors, artifacts, tell };
  const operators = new Operators(simulated);
  await uploadCloudConfig(world, simulatedCloudConfig);
  await directors.start();
  const uploads: TaskId[] = [];
  for (const version of ['1', '2']) {
    uploads.push(await operators.enqueue(await artifacts.uploadRelease(version)));
    uploads.push(await operators.enqueue(await artifacts.uploadStemcell(version)));
  }
  await directors.see(uploads);
  for (let i = 0; i < operations; i++) {
    const found = await operation(simulated, operators);
    if (found.length > 0) return found;
  }
  const mended = await mend(simulated, operators);
  return [...mended, ...(await secretViolations(world, operators.secrets, directors.log.join('\n')))];
}

/** Some tasks at once, with faults, kills and cancels while they run. */
async function operation(simulated: Simulated, operators: Operators): Promise<string[]> {
  const { world, dice, directors, tell } = simulated;
  if (dice.oneIn(3)) await loseThings(world, dice, tell);
  const ignored = await operators.putAside();
  // Where there are two, what befalls them is looked at more: tasks that fail early leave nothing to take over.
  if (!directors.areTwo || dice.oneIn(3)) breakThings(world, dice, tell);
  const tasks = await operators.act();
  if (directors.areTwo || dice.oneIn(2)) directors.strikeWithin(400 * tasks.length);
  if (dice.oneIn(6)) cancelSome(simulated, tasks);
  await directors.see(tasks);
  for (const id of tasks) {
    const task = await world.store.tasks.get(id);
    tell(`  task ${id}: ${task?.state ?? 'gone'} ${task?.result ?? ''}`);
  }
  world.cpi.faults.clear();
  const found = await operators.violationsOf(tasks);
  await repair(simulated, operators);
  return [
    ...found,
    ...(await violations(world)),
    ...(await ignored.violations(world)),
    ...(await danglingReferences(world)),
  ];
}

/** What a scan has found is dealt with soon, as it happens, with whatever befalls that. */
async function repair({ directors, dice, world, tell }: Simulated, operators: Operators): Promise<void> {
  const repairs = await operators.repairs();
  if (repairs.length === 0) return;
  if (dice.oneIn(2)) directors.strikeWithin(400);
  await directors.see(repairs);
  for (const id of repairs) {
    const task = await world.store.tasks.get(id);
    tell(`  task ${id}: ${task?.state ?? 'gone'} ${task?.result ?? ''}`);
  }
}

function cancelSome({ world, dice, directors, tell }: Simulated, tasks: readonly TaskId[]): void {
  const id = dice.oneOf(tasks);
  world.clock.after(dice.below(cancelMsMax), () => {
    tell(`cancel task ${id}, if it runs`);
    directors.engine.cancel(id).catch(() => {}); // the director may die of it
  });
}
