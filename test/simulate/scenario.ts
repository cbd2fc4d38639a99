import { seededChance, type Chance } from '../../common/chance.ts';
import { VirtualClock } from '../../common/clock.ts';
import type { TaskId } from '../../common/ids.ts';
import type { CpiMethod } from '../../cpi/memory/faults.ts';
import type { AgentMethod } from '../../agent/protocol.ts';
import { terminalStates } from '../../director/store/tasks.ts';
import {
  cloudConfigOf,
  enqueueDelete,
  enqueueDeploy,
  openWorld,
  startGeneration,
  uploadCloudConfig,
  uploadRelease,
  uploadStemcell,
  webTier,
  type World,
} from '../support/given-director.ts';
import { violations } from './invariants.ts';
import { Life, reachOf } from './life.ts';

/** Operations of one scenario before everything is mended. */
const operations = 5;
/** Deploys without faults after which the wanted state must be there. */
const mendTriesMax = 3;
/** Of virtual time. The longest wait of a deploy is for agents that answer nothing, a few minutes each. */
const taskMsMax = 30 * 60_000;
/** Crashes during one operation. */
const killsMax = 2;

const cpiFaults: readonly CpiMethod[] = [
  'createVm',
  'deleteVm',
  'setVmMetadata',
  'createDisk',
  'attachDisk',
  'detachDisk',
];
const agentFaults: readonly AgentMethod[] = [
  'get_state',
  'apply',
  'prepare',
  'stop',
  'start',
  'run_script',
  'update_settings',
  'mount_disk',
  'compile_package',
  'drain',
];

/** Runs one seed to its end. @returns what was violated, with what had been done until then */
export async function runSeed(seed: number): Promise<{ violated: string[]; story: string[] }> {
  const clock = new VirtualClock();
  const story: string[] = [];
  const violated = await clock.runUntil(new Scenario(seed, clock, story).run());
  return { violated, story };
}

class Scenario {
  readonly #chance: Chance;
  readonly #seed: number;
  readonly #clock: VirtualClock;
  readonly #story: string[];
  #world!: World; // set first thing in run()
  #life = new Life();
  #engine!: Awaited<ReturnType<typeof startGeneration>>['engine']; // as above
  #generation = 0;

  constructor(seed: number, clock: VirtualClock, story: string[]) {
    this.#seed = seed;
    this.#clock = clock;
    this.#story = story;
    this.#chance = seededChance(seed * 7919 + 1);
  }

  async run(): Promise<string[]> {
    this.#world = await openWorld({ clock: this.#clock, seed: this.#seed });
    for (const version of ['1', '2']) {
      await uploadRelease(this.#world, { version });
      await uploadStemcell(this.#world, version);
    }
    await uploadCloudConfig(this.#world, cloudConfigOf());
    await this.#restart();
    for (let i = 0; i < operations; i++) {
      await this.#operate();
      const found = await violations(this.#world);
      if (found.length > 0) return found;
    }
    return this.#mend();
  }

  async #operate(): Promise<void> {
    this.#breakThings();
    const id = await this.#someTask();
    if (this.#oneIn(2)) this.#life.killAfter(this.#chance.below(400));
    for (let kills = 0; ; kills++) {
      const outcome = await Promise.race([
        this.#ended(id).then(() => 'ended' as const),
        this.#life.death.then(() => 'killed' as const),
      ]);
      if (outcome === 'ended') break;
      this.#story.push('kill -9');
      await this.#restart();
      if (kills < killsMax && this.#oneIn(3)) this.#life.killAfter(this.#chance.below(400));
    }
    const task = await this.#world.store.tasks.get(id);
    this.#story.push(`  task ${id}: ${task?.state ?? 'gone'} ${task?.result ?? ''}`);
    this.#world.cpi.faults.clear();
    this.#life.killAfter(Infinity); // the next operation decides anew
  }

  async #someTask(): Promise<TaskId> {
    const { store } = this.#world;
    const exists = (await store.deployments.get('web')) !== undefined;
    if (exists && this.#oneIn(8)) {
      this.#story.push('delete deployment');
      return (await enqueueDelete(this.#engine, 'web')).id;
    }
    const shape = this.#shape();
    const options = { recreate: this.#oneIn(10), fix: this.#oneIn(2), recreatePersistentDisks: this.#oneIn(15) };
    this.#story.push(`deploy ${JSON.stringify({ ...shape, ...options })}`);
    return (await enqueueDeploy(this.#world, this.#engine, webTier(shape), { options })).id;
  }

  #shape() {
    return {
      instances: this.#chance.below(5),
      version: String(1 + this.#chance.below(2)),
      stemcell: String(1 + this.#chance.below(2)),
      disk: this.#oneIn(2),
      port: 80 + this.#chance.below(2),
    };
  }

  #breakThings(): void {
    const { cpi, machines } = this.#world;
    while (this.#oneIn(2)) {
      const method = this.#oneOf(cpiFaults);
      const when = this.#oneIn(2) ? 'before' : 'after';
      this.#story.push(`CPI: ${method} fails ${when} its effect`);
      cpi.faults.failOnce(method, when);
    }
    for (const { cid } of cpi.inventory().vms) {
      if (!this.#oneIn(4)) continue;
      const agent = machines.agent(cid);
      if (agent === undefined) continue;
      if (this.#oneIn(4)) {
        this.#story.push(`${cid} dies`);
        agent.die();
      } else {
        const method = this.#oneOf(agentFaults);
        this.#story.push(`${cid}: ${method} fails`);
        agent.faults.failOnce(method, this.#oneIn(2) ? 'before' : 'after');
      }
    }
  }

  /** Without new faults the wanted state is reached, a second deploy finds nothing to do, and a delete leaves nothing. */
  async #mend(): Promise<string[]> {
    const { cpi, machines, store } = this.#world;
    cpi.faults.clear();
    for (const { cid } of cpi.inventory().vms) machines.agent(cid)?.faults.clear();
    const shape = { ...this.#shape(), instances: 3 };
    this.#story.push(`mend: deploy ${JSON.stringify(shape)}`);
    let task = await this.#deployNow(shape);
    for (let tries = 1; task.state !== 'done' && tries < mendTriesMax; tries++) task = await this.#deployNow(shape);
    if (task.state !== 'done') return [`the deployment cannot be mended: ${task.result ?? ''}`];
    const again = await this.#deployNow(shape);
    const events =
      (await store.tasks.output(again.id, 'event', { from: 0, bytesMax: 1_000_000 }))?.bytes.toString() ?? '';
    const found = await violations(this.#world);
    if (
      /"stage":"(Updating instance|Creating missing vms|Deleting unneeded instances|Compiling packages)"/.test(events)
    ) {
      found.push('invariant 7: the second deploy of the same manifest changed something');
    }
    const deletion = await this.#ended((await enqueueDelete(this.#engine, 'web')).id);
    if (deletion.state !== 'done') found.push(`the deployment cannot be deleted: ${deletion.result ?? ''}`);
    if (cpi.inventory().vms.length > 0)
      found.push(`${cpi.inventory().vms.length} VMs are left after the deployment was deleted`);
    if ((await store.instances.addresses()).length > 0)
      found.push('addresses are left after the deployment was deleted');
    return [...found, ...(await violations(this.#world))];
  }

  async #deployNow(shape: Parameters<typeof webTier>[0]) {
    return this.#ended((await enqueueDeploy(this.#world, this.#engine, webTier(shape), { options: { fix: true } })).id);
  }

  async #ended(id: TaskId) {
    const deadlineMs = this.#clock.now() + taskMsMax;
    while (this.#clock.now() < deadlineMs) {
      const task = await this.#world.store.tasks.get(id);
      if (task === undefined) throw new Error(`task ${id} is gone`);
      if (terminalStates.has(task.state)) return task;
      await this.#clock.sleep(250);
    }
    const debug = await this.#world.store.tasks.output(id, 'debug', { from: 0, bytesMax: 1_000_000 });
    const lines = debug?.bytes.toString().trim().split('\n').slice(-5) ?? [];
    throw new Error(`task ${id} has not ended in ${taskMsMax / 60_000} minutes; its last lines: ${lines.join(' | ')}`);
  }

  async #restart(): Promise<void> {
    this.#life = new Life();
    const { engine } = await startGeneration(reachOf(this.#world, this.#life), `generation-${++this.#generation}`);
    this.#engine = engine;
  }

  #oneIn(n: number): boolean {
    return this.#chance.below(n) === 0;
  }

  #oneOf<T>(items: readonly T[]): T {
    return items[this.#chance.below(items.length)] as T; // below() keeps inside
  }
}
