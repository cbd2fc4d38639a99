import { seededChance, type Chance } from '../../common/chance.ts';
import { VirtualClock } from '../../common/clock.ts';
import type { TaskId } from '../../common/ids.ts';
import type { CpiMethod } from '../../cpi/memory/faults.ts';
import type { AgentMethod } from '../../agent/protocol.ts';
import { terminalStates } from '../../director/store/tasks.ts';
import type { StateChange } from '../../director/api/deploy-args.ts';
import {
  enqueueDelete,
  enqueueDeploy,
  openWorld,
  startGeneration,
  uploadCloudConfig,
  uploadRelease,
  uploadStemcell,
  type World,
} from '../support/given-director.ts';
import { ignoredOf, type Ignored } from './ignored.ts';
import { violations } from './invariants.ts';
import { Life, reachOf } from './life.ts';
import { fixedSecrets, manifestOf, simulatedCloudConfig, type Shape } from './manifest.ts';
import { keptLog, secretViolations } from './secrets.ts';
import { waveViolations, type WaveLimits } from './waves.ts';

/** Operations of one scenario before everything is mended. */
const operations = 5;
/** Deploys without faults after which the wanted state must be there. */
const mendTriesMax = 3;
/** Of virtual time. The longest wait of a deploy is for agents that answer nothing, a few minutes each. */
const taskMsMax = 30 * 60_000;
/** They share networks, releases and stemcells. */
const deployments = ['web', 'api'] as const;
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
  'list_disk',
  'add_persistent_disk',
  'mount_disk',
  'unmount_disk',
  'migrate_disk',
  'remove_persistent_disk',
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
  readonly #log: string[] = [];
  readonly #secrets: string[] = [...fixedSecrets];
  /** What each deploy allows at a time. */
  readonly #allowed = new Map<TaskId, WaveLimits>();
  /** By deployment: what was last asked for. */
  readonly #shapes = new Map<string, Shape>();
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
    await uploadCloudConfig(this.#world, simulatedCloudConfig);
    await this.#restart();
    for (let i = 0; i < operations; i++) {
      const ignored = await this.#ignoreSome();
      const tasks = await this.#operate();
      const found = [
        ...(await violations(this.#world)),
        ...(await ignored.violations(this.#world)),
        ...(await this.#violationsOf(tasks)),
      ];
      if (found.length > 0) return found;
    }
    const mended = await this.#mend();
    return [...mended, ...(await secretViolations(this.#world, this.#secrets, this.#log.join('\n')))];
  }

  /** One task, or one on each deployment at once; some are cancelled under way. */
  async #operate(): Promise<TaskId[]> {
    this.#breakThings();
    const names = this.#oneIn(3) ? deployments : [this.#oneOf(deployments)];
    const tasks: TaskId[] = [];
    for (const name of names) tasks.push(await this.#someTask(name));
    if (this.#oneIn(2)) this.#life.killAfter(this.#chance.below(400 * names.length));
    const cancelAtMs = this.#oneIn(6) ? this.#clock.now() + this.#chance.below(20_000) : Infinity;
    if (cancelAtMs !== Infinity) this.#cancelAt(cancelAtMs, this.#oneOf(tasks));
    for (let kills = 0; ; kills++) {
      const outcome = await Promise.race([
        Promise.all(tasks.map((id) => this.#ended(id))).then(() => 'ended' as const),
        this.#life.death.then(() => 'killed' as const),
      ]);
      if (outcome === 'ended') break;
      this.#story.push('kill -9');
      await this.#restart();
      if (kills < killsMax && this.#oneIn(3)) this.#life.killAfter(this.#chance.below(400));
    }
    for (const id of tasks) {
      const task = await this.#world.store.tasks.get(id);
      this.#story.push(`  task ${id}: ${task?.state ?? 'gone'} ${task?.result ?? ''}`);
    }
    this.#world.cpi.faults.clear();
    this.#life.killAfter(Infinity); // the next operation decides anew
    return tasks;
  }

  #cancelAt(atMs: number, id: TaskId): void {
    this.#clock.after(atMs - this.#clock.now(), () => {
      this.#story.push(`cancel task ${id}, if it runs`);
      this.#engine.cancel(id).catch(() => {}); // the director may die of it
    });
  }

  async #someTask(name: string): Promise<TaskId> {
    const { store } = this.#world;
    const deployment = await store.deployments.get(name);
    if (deployment !== undefined && this.#oneIn(8)) {
      this.#story.push(`delete ${name}`);
      return (await enqueueDelete(this.#engine, name)).id;
    }
    const before = this.#shapes.get(name);
    const changes: StateChange[] = [];
    if (before !== undefined && deployment?.manifest != null && this.#oneIn(3)) {
      const index = this.#oneIn(2) ? null : this.#chance.below(3);
      const state = this.#oneOf(['started', 'stopped', 'detached', 'restart', 'recreate'] as const);
      changes.push({ group: 'web', index, state });
    }
    const shape = changes.length > 0 && before !== undefined ? before : this.#shape(name);
    const options = { recreate: this.#oneIn(10), fix: this.#oneIn(2), recreatePersistentDisks: this.#oneIn(15) };
    this.#story.push(`deploy ${JSON.stringify({ ...shape, ...options, changes })}`);
    return this.#deploy(shape, { options, stateChanges: changes });
  }

  async #deploy(shape: Shape, how: Parameters<typeof enqueueDeploy>[3]): Promise<TaskId> {
    this.#shapes.set(shape.name, shape);
    this.#secrets.push(shape.secret);
    const { id } = await enqueueDeploy(this.#world, this.#engine, manifestOf(shape), how);
    this.#allowed.set(id, shape);
    return id;
  }

  #shape(name: string): Shape {
    return {
      name,
      instances: this.#chance.below(5),
      azs: this.#oneOf([['z1', 'z2'], ['z1', 'z2'], ['z1'], ['z2']]),
      version: String(1 + this.#chance.below(2)),
      stemcell: String(1 + this.#chance.below(2)),
      diskMib: this.#oneOf([null, null, 1024, 2048]),
      canaries: this.#chance.below(3),
      maxInFlight: 1 + this.#chance.below(3),
      secret: `s3cret-${this.#chance.below(2)}-value`,
    };
  }

  /** What operators have put aside, as it is now. */
  async #ignoreSome(): Promise<Ignored> {
    const { store } = this.#world;
    for (const { id, group, ignore } of await store.instances.all()) {
      if (group !== 'web' || !this.#oneIn(ignore ? 3 : 12)) continue;
      this.#story.push(`${ignore ? 'unignore' : 'ignore'} ${id}`);
      await store.instances.update(id, { ignore: !ignore });
    }
    return ignoredOf(this.#world);
  }

  async #violationsOf(tasks: readonly TaskId[]): Promise<string[]> {
    const found: string[] = [];
    for (const id of tasks) {
      const allowed = this.#allowed.get(id);
      if (allowed !== undefined) found.push(...waveViolations(await this.#events(id), allowed));
    }
    return found;
  }

  async #events(id: TaskId): Promise<string> {
    const output = await this.#world.store.tasks.output(id, 'event', { from: 0, bytesMax: 1_000_000 });
    return output?.bytes.toString() ?? '';
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
    for (const { id, ignore } of await store.instances.all())
      if (ignore) await store.instances.update(id, { ignore: false });
    const found: string[] = [];
    for (const name of deployments) {
      if (name !== 'web' && (await store.deployments.get(name)) === undefined) continue;
      found.push(...(await this.#mendOne({ ...this.#shape(name), instances: 3 })));
    }
    for (const name of deployments) {
      if ((await store.deployments.get(name)) === undefined) continue;
      const deletion = await this.#ended((await enqueueDelete(this.#engine, name)).id);
      if (deletion.state !== 'done') found.push(`${name} cannot be deleted: ${deletion.result ?? ''}`);
    }
    if (cpi.inventory().vms.length > 0)
      found.push(`${cpi.inventory().vms.length} VMs are left after the deployments were deleted`);
    if ((await store.instances.addresses()).length > 0)
      found.push('addresses are left after the deployments were deleted');
    return [...found, ...(await violations(this.#world))];
  }

  async #mendOne(shape: Shape): Promise<string[]> {
    this.#story.push(`mend: deploy ${JSON.stringify(shape)}`);
    const startAll: StateChange[] = [{ group: '*', index: null, state: 'started' }];
    let task = await this.#deployNow(shape, startAll);
    for (let tries = 1; task.state !== 'done' && tries < mendTriesMax; tries++)
      task = await this.#deployNow(shape, startAll);
    if (task.state !== 'done') return [`${shape.name} cannot be mended: ${task.result ?? ''}`];
    const again = await this.#deployNow(shape);
    const found = [...(await this.#violationsOf([task.id, again.id])), ...(await violations(this.#world))];
    const changed = /"stage":"(Updating instance|Creating missing vms|Deleting unneeded instances|Compiling packages)"/;
    if (changed.test(await this.#events(again.id)))
      found.push(
        `invariant 7: the second deploy of the same manifest changed something:\n${await this.#events(again.id)}`,
      );
    return found;
  }

  async #deployNow(shape: Shape, stateChanges: StateChange[] = []) {
    return this.#ended(await this.#deploy(shape, { options: { fix: true }, stateChanges }));
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
    const reach = { ...reachOf(this.#world, this.#life), log: keptLog(this.#log) };
    const { engine } = await startGeneration(reach, `generation-${++this.#generation}`);
    this.#engine = engine;
  }

  #oneIn(n: number): boolean {
    return this.#chance.below(n) === 0;
  }

  #oneOf<T>(items: readonly T[]): T {
    return items[this.#chance.below(items.length)] as T; // below() keeps inside
  }
}
