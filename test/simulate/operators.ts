import type { TaskId } from '../../common/ids.ts';
import type { StateChange, UpdateInstanceArgs } from '../../director/api/deploy-args.ts';
import type { NewTask } from '../../director/store/tasks.ts';
import { enqueueDelete, enqueueDeploy, type World } from '../support/given-director.ts';
import { newTask } from '../support/task-world.ts';
import { id } from '../../common/ids.ts';
import { changedViolations, deployedViolations } from './applied.ts';
import { releaseName, versions, type Artifacts } from './artifacts.ts';
import type { Dice } from './dice.ts';
import type { Directors } from './directors.ts';
import { ignoredOf, type Ignored } from './ignored.ts';
import { fixedSecrets, manifestOf, type Shape } from './manifest.ts';
import { applySomething, deleteSomeVm, fixedViolations, scan, scanAndFix } from './repairs.ts';
import { waveViolations } from './waves.ts';

/** They share networks, releases and stemcells. */
export const deployments = ['web', 'api'] as const;
/** Longer than litter is kept. */
const longMs = 25 * 3_600_000;

export interface Simulated {
  world: World;
  dice: Dice;
  directors: Directors;
  artifacts: Artifacts;
  tell: (line: string) => void;
}

/** What people ask the directors for, and what must be true when they got it. */
export class Operators {
  readonly secrets: string[] = [...fixedSecrets];
  readonly #in: Simulated;
  /** By deployment: what was last asked for. */
  readonly #shapes = new Map<string, Shape>();
  readonly #deploys = new Map<TaskId, Shape>();
  readonly #changes = new Map<TaskId, UpdateInstanceArgs>();

  constructor(simulated: Simulated) {
    this.#in = simulated;
  }

  /** Ignores some instances, and others no more. @returns what they are like now */
  async putAside(): Promise<Ignored> {
    const { world, dice, tell } = this.#in;
    for (const { id: instance, ignore, compilation } of await world.store.instances.all()) {
      if (compilation || !dice.oneIn(ignore ? 3 : 12)) continue;
      tell(`${ignore ? 'unignore' : 'ignore'} ${instance}`);
      await world.store.instances.update(instance, { ignore: !ignore });
    }
    return ignoredOf(world);
  }

  /** Of what scans have found. */
  async repairs(): Promise<TaskId[]> {
    const { dice, tell } = this.#in;
    const tasks: TaskId[] = [];
    for (const name of deployments) {
      const task = dice.oneIn(2) ? await applySomething(name, this.#in) : undefined;
      if (task === undefined) continue;
      tell(`${task.type} ${JSON.stringify(task.args)}`);
      tasks.push(await this.enqueue(task));
    }
    return tasks;
  }

  /** One task, or one on each deployment at once; with some about releases and stemcells among them. */
  async act(): Promise<TaskId[]> {
    const { dice, world } = this.#in;
    if (dice.oneIn(4)) world.blobs.age(longMs);
    const names = dice.oneIn(3) ? deployments : [dice.oneOf(deployments)];
    const acts = names.map((name) => () => this.#onDeployment(name));
    while (dice.oneIn(3)) acts.splice(dice.below(acts.length + 1), 0, () => this.#onArtifacts());
    const tasks: TaskId[] = [];
    for (const act of acts) {
      tasks.push(await act());
      if (dice.oneIn(2)) await this.#aMoment();
    }
    return tasks;
  }

  async deploy(shape: Shape, how: Parameters<typeof enqueueDeploy>[3]): Promise<TaskId> {
    const { world, directors } = this.#in;
    this.#shapes.set(shape.name, shape);
    this.secrets.push(shape.secret);
    const { id: task } = await enqueueDeploy(world, directors.engine, manifestOf(shape), how);
    this.#deploys.set(task, shape);
    return task;
  }

  async enqueue(task: NewTask): Promise<TaskId> {
    return (await this.#in.directors.engine.enqueue(task)).id;
  }

  async shape(name: string): Promise<Shape> {
    const { dice } = this.#in;
    return {
      name,
      instances: dice.below(4),
      azs: dice.oneOf([['z1', 'z2'], ['z1', 'z2'], ['z1'], ['z2']]),
      version: await this.#releaseVersion(),
      stemcell: await this.#stemcellVersion(),
      diskMib: dice.oneOf([null, null, 1024, 2048]),
      canaries: dice.below(3),
      maxInFlight: 1 + dice.below(3),
      secret: `s3cret-${dice.below(2)}-value`,
      db: {
        group: dice.oneIn(4) ? 'store' : 'db',
        migrates: dice.oneIn(2),
        instances: dice.below(3),
        port: 5432 + dice.below(2),
      },
    };
  }

  async violationsOf(tasks: readonly TaskId[]): Promise<string[]> {
    const { world } = this.#in;
    const found: string[] = [];
    const ended = await Promise.all(tasks.map((task) => world.store.tasks.get(task)));
    // Whoever deletes VMs may do so after another task has made them.
    const deleted = ended.some((task) => task?.type === 'delete_vm' || task?.type === 'cck_apply');
    for (const [i, task] of tasks.entries()) {
      const { state } = ended[i] ?? {};
      const shape = this.#deploys.get(task);
      const change = this.#changes.get(task);
      if (shape !== undefined) found.push(...waveViolations(await this.eventsOf(task), shape));
      if (state !== 'done' || deleted) continue;
      found.push(...(await fixedViolations(world, task)));
      if (shape !== undefined) found.push(...(await deployedViolations(world, shape)));
      if (change !== undefined) found.push(...(await changedViolations(world, change)));
    }
    return found;
  }

  async eventsOf(task: TaskId): Promise<string> {
    const output = await this.#in.world.store.tasks.output(task, 'event', { from: 0, bytesMax: 1_000_000 });
    return output?.bytes.toString() ?? '';
  }

  async #onDeployment(name: string): Promise<TaskId> {
    const { dice, directors, tell, world } = this.#in;
    const deployment = await world.store.deployments.get(name);
    if (deployment !== undefined && dice.oneIn(8)) {
      tell(`delete ${name}`);
      return (await enqueueDelete(directors.engine, name)).id;
    }
    if (deployment !== undefined && dice.oneIn(4)) {
      const task = await this.#onProblems(name);
      if (task !== undefined) return this.enqueue(task);
    }
    const before = this.#shapes.get(name);
    const known = deployment?.manifest != null;
    if (known && dice.oneIn(4)) {
      const task = await this.#onInstance(name);
      if (task !== undefined) return task;
    }
    const changes: StateChange[] = [];
    if (before !== undefined && known && dice.oneIn(3)) {
      const index = dice.oneIn(2) ? null : dice.below(3);
      const state = dice.oneOf(['started', 'stopped', 'detached', 'restart', 'recreate'] as const);
      changes.push({ group: dice.oneIn(3) ? before.db.group : 'web', index, state });
    }
    const shape = changes.length > 0 && before !== undefined ? before : await this.shape(name);
    const options = { recreate: dice.oneIn(10), fix: dice.oneIn(2), recreatePersistentDisks: dice.oneIn(15) };
    tell(`deploy ${JSON.stringify({ ...shape, ...options, changes })}`);
    return this.deploy(shape, { options, stateChanges: changes });
  }

  async #onProblems(name: string): Promise<NewTask | undefined> {
    const { dice, tell, world } = this.#in;
    const instances = await world.store.instances.ofDeployment(name);
    const task = await dice.oneOf([
      () => scan(name),
      () => applySomething(name, this.#in),
      () => deleteSomeVm(this.#in),
      () =>
        instances.length === 0
          ? undefined
          : scanAndFix(
              name,
              instances.filter(() => dice.oneIn(2)),
            ),
    ])();
    if (task !== undefined) tell(`${task.type} ${JSON.stringify(task.args)}`);
    return task;
  }

  /** `--no-converge`. Undefined: there is none. */
  async #onInstance(name: string): Promise<TaskId | undefined> {
    const { dice, tell, world } = this.#in;
    const instances = await world.store.instances.ofDeployment(name);
    if (instances.length === 0) return undefined;
    const args: UpdateInstanceArgs = {
      deployment: name,
      instanceId: dice.oneOf(instances).id,
      action: dice.oneOf(['start', 'stop', 'restart']),
      hard: dice.oneIn(2),
      skipDrain: dice.oneIn(3),
      ignoreUnresponsiveAgent: dice.oneIn(3),
    };
    if (args.action === 'start') args.hard = false;
    tell(`update instance ${JSON.stringify(args)}`);
    const task = await this.enqueue(newTask('update_instance', { args, deployment: id(name) }));
    this.#changes.set(task, args);
    return task;
  }

  async #onArtifacts(): Promise<TaskId> {
    const { artifacts, dice, tell } = this.#in;
    const version = dice.oneOf(versions);
    const task = await dice.oneOf([
      () => artifacts.uploadRelease(version),
      () => artifacts.uploadStemcell(version),
      () => artifacts.deleteRelease(dice.oneIn(4) ? null : version),
      () => artifacts.deleteStemcell(version),
      () => artifacts.cleanUp(!dice.oneIn(4)),
      () => artifacts.cleanUp(true),
    ])();
    tell(`${task.type} ${JSON.stringify(task.args)}`);
    return this.enqueue(task);
  }

  /** Mostly one that is there. */
  async #releaseVersion(): Promise<string> {
    const { dice, world } = this.#in;
    const there = (await world.store.releases.listing(releaseName))?.versions ?? [];
    const whole = there.filter(({ complete }) => complete).map(({ version }) => version);
    return whole.length === 0 || dice.oneIn(10) ? dice.oneOf(versions) : dice.oneOf(whole);
  }

  async #stemcellVersion(): Promise<string> {
    const { dice, world } = this.#in;
    const there = (await world.store.stemcells.list()).map(({ version }) => version);
    return there.length === 0 || dice.oneIn(10) ? dice.oneOf(versions) : dice.oneOf(there);
  }

  /** In which tasks that were asked for come as far as they do. */
  async #aMoment(): Promise<void> {
    const { dice, world } = this.#in;
    for (let reads = dice.below(30); reads > 0; reads--) await world.store.attribute('none');
  }
}
