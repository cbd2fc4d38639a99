import { expect, test } from 'vitest';
import type { VirtualClock } from '../../common/clock.ts';
import type { TaskId } from '../../common/ids.ts';
import { terminalStates } from '../../director/store/tasks.ts';
import { Life, reachOf } from '../simulate/life.ts';
import { enqueueErrand, resultsIn, toolsManifest, uploadTools } from '../support/errands.ts';
import {
  cloudConfigOf,
  enqueueDeploy,
  openWorld,
  startGeneration,
  uploadCloudConfig,
  uploadStemcell,
  type Reach,
  type World,
} from '../support/given-director.ts';
import { patientClock } from '../support/real-work.ts';

/** Of virtual time. */
const taskMsMax = 20 * 60_000;
const errandMs = 30_000;
/** Between two deaths: all moments of a run are some three hundred. */
const everyMoments = 7;

/** A director that is killed with -9 while an errand runs on an instance that is there, and on a machine of its own. */
class Story {
  readonly world: World;
  /** How often some director had an agent begin the errand. */
  begun = 0;
  #generations = 0;

  constructor(world: World) {
    this.world = world;
  }

  async next(life: Life) {
    const { engine } = await startGeneration(reachOf(this.#counting(life), life), `generation-${++this.#generations}`);
    return engine;
  }

  #counting(life: Life): Reach {
    const bus: Reach['bus'] = {
      ...this.world.bus,
      connect: async (as) => {
        const connection = await this.world.bus.connect(as);
        return {
          subscribe: (subject, handler) => connection.subscribe(subject, handler),
          flush: () => connection.flush(),
          close: () => connection.close(),
          publish: (subject, payload) => {
            const { method } = JSON.parse(Buffer.from(payload).toString()) as { method?: string };
            if (method === 'run_errand' && !life.over) this.begun++;
            connection.publish(subject, payload);
          },
        };
      },
    };
    return { ...this.world, bus };
  }

  async ended(id: TaskId): Promise<string> {
    const { clock, store } = this.world;
    for (const endMs = clock.now() + taskMsMax; clock.now() < endMs; await clock.sleep(250)) {
      const task = await store.tasks.get(id);
      if (task !== undefined && terminalStates.has(task.state)) return task.state;
    }
    throw new Error(`task ${id} has not ended`);
  }

  async deploy(): Promise<void> {
    const { world } = this;
    await uploadTools(world);
    await uploadStemcell(world);
    await uploadCloudConfig(world, cloudConfigOf());
    const life = new Life();
    const engine = await this.next(life);
    const groups = [
      { name: 'web', jobs: ['smoke'] },
      { name: 'tests', lifecycle: 'errand' as const, disk: true },
    ];
    expect(await this.ended((await enqueueDeploy(world, engine, toolsManifest(groups))).id)).toBe('done');
    await engine.idle();
    life.kill();
    const [vm] = world.cpi.inventory().vms;
    if (vm !== undefined) world.machines.agent(vm.cid)?.faults.delay('run_errand', errandMs);
  }

  /** @returns whether it was killed before the errand was over */
  async runKilledAfter(moments: number): Promise<boolean> {
    const life = new Life();
    const engine = await this.next(life);
    const { id } = await enqueueErrand(engine, 'smoke');
    life.killAfter(moments);
    const outcome = await Promise.race([life.death.then(() => 'killed'), this.ended(id)]);
    if (outcome !== 'killed') return false;
    const second = new Life();
    await this.next(second);
    expect(await this.ended(id)).toBe('done');
    second.kill();
    await this.expectRunOnce(id, moments);
    return true;
  }

  async expectRunOnce(id: TaskId, moments: number): Promise<void> {
    const { store, cpi } = this.world;
    const output = await store.tasks.output(id, 'result', { from: 0, bytesMax: 1_000_000 });
    const results = resultsIn(output?.bytes.toString() ?? '');
    expect(
      results.map(({ instance: { group }, exit_code: code }) => ({ group, code })),
      `${moments}`,
    ).toEqual([
      { group: 'tests', code: 0 },
      { group: 'web', code: 0 },
    ]);
    const rows = await store.instances.all();
    const known = rows.flatMap(({ vms }) => vms.map(({ cid }) => cid as string | null));
    expect(known, `${moments}`).toEqual(cpi.inventory().vms.map(({ cid }) => cid as string));
    expect(known).toHaveLength(1);
    expect(rows.map(({ updateCompleted }) => updateCompleted)).toEqual([true, true]);
    expect(await store.errands.successOf('tools', 'smoke')).toBeDefined();
  }

  async close(): Promise<void> {
    await this.world.bus.close();
    await this.world.cpi.close();
    await this.world.store.close();
  }
}

async function story(tell: (given: Story, clock: VirtualClock) => Promise<void>): Promise<void> {
  const clock = patientClock();
  await clock.runUntil(
    (async () => {
      const given = new Story(await openWorld({ clock }));
      await given.deploy();
      await tell(given, clock);
      await given.close();
    })(),
  );
}

test('whenever its director is killed, an errand runs once on each instance, is told once, and leaves no machine', async () => {
  let again = 0;
  let deaths = 0;
  for (let moments = 1, killed = true; killed; moments += everyMoments) {
    await story(async (given) => {
      given.begun = 0;
      killed = await given.runKilledAfter(moments);
      deaths += killed ? 1 : 0;
      // Between the message to the agent and the record of its answer nobody can know that it has begun.
      again += Math.max(0, given.begun - 2);
    });
  }
  expect(deaths).toBeGreaterThan(20);
  expect(again).toBeLessThanOrEqual(2);
}, 120_000);

test('a director that stops in order leaves the errand to run, and the next one tells how it ended', () =>
  story(async (given, clock) => {
    given.begun = 0;
    const first = await given.next(new Life());
    const { id } = await enqueueErrand(first, 'smoke', { instances: [{ group: 'web' }] });
    while ((await given.world.store.errands.startsOf(id)).length === 0) await clock.sleep(100);
    await first.stop({ graceMs: 1000 });
    await given.next(new Life());
    expect(await given.ended(id)).toBe('done');
    expect(given.begun).toBe(1);
    const output = await given.world.store.tasks.output(id, 'result', { from: 0, bytesMax: 1_000_000 });
    expect(resultsIn(output?.bytes.toString() ?? '')).toMatchObject([{ exit_code: 0 }]);
  }));
