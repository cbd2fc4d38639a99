import { createHash } from 'node:crypto';
import { messageOf } from '../../common/errors.ts';
import type { RunErrandArgs } from '../api/deploy-args.ts';
import { deploymentLockWaitMs, type DeployDeps } from '../deploy/deploy-deps.ts';
import { gone } from '../deploy/gone.ts';
import { DeployVariables } from '../deploy/variables/deploy-variables.ts';
import { resolveGroups } from '../deploy/resolve.ts';
import { storedTexts } from '../deploy/stored-texts.ts';
import { inParallel } from '../execute/in-parallel.ts';
import type { LogsDeps } from '../logs/instance-logs.ts';
import { deleteOldBundles } from '../logs/old-bundles.ts';
import { observe, refuseSilent } from '../observe/observe.ts';
import type { Instance } from '../store/instances.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import { isCancelled } from './after-cancel.ts';
import { neverDeployed } from './errors.ts';
import { hashOf, prepareGroups, type GroupMachines } from './group-machines.ts';
import { InstanceRun, type InstanceRunDeps } from './instance-run.ts';
import { refuseStopped, targetsOf, type Targets } from './targets.ts';

/**
 * `bosh run-errand`. Begun again after a crash it goes on: what agents have begun is asked after and not begun again,
 * what has ended is told once, and machines that were made for it are used, or deleted.
 */
export function runErrand(deps: DeployDeps): TaskHandler {
  return (task) => {
    const args = task.task.args as RunErrandArgs; // the API has checked it
    return task.withLock(`lock:deployment:${args.deployment}`, deploymentLockWaitMs, () =>
      new Errand(deps, task, args).run(),
    );
  };
}

/** Where it runs: on an instance that is there, or on one of a group whose machines are there for it alone. */
interface Place {
  stateHash: string;
  run: InstanceRun;
  machines: GroupMachines | null;
}

class Errand {
  readonly #deps: DeployDeps;
  readonly #task: TaskContext;
  readonly #args: RunErrandArgs;
  readonly #atOnceMax: number;

  constructor(deps: DeployDeps, task: TaskContext, args: RunErrandArgs) {
    this.#deps = deps;
    this.#task = task;
    this.#args = args;
    this.#atOnceMax = deps.settings.vmsAtOnceMax;
  }

  async run(): Promise<string> {
    const { store, events } = this.#task;
    const { deployment, errand, whenChanged } = this.#args;
    await store.errands.forgetEnded();
    await deleteOldBundles(store, this.#deps.blobs, this.#deps.clock);
    refuseStopped(await store.instances.ofDeployment(deployment), this.#args.instances);
    const starts = await store.errands.startsOf(this.#task.task.id);
    const preparing = events.stage('Preparing deployment', 1);
    const places = await preparing.task('Preparing deployment', () =>
      this.#places(new Map(starts.map((start) => [start.instanceId, start]))),
    );
    const stateHash = createHash('sha1')
      .update(
        places
          .map((place) => place.stateHash)
          .sort()
          .join(''),
      )
      .digest('hex');
    const unchanged = (await store.errands.successOf(deployment, errand)) === stateHash;
    if (whenChanged && unchanged && starts.length === 0) return 'skipped - no changes detected';

    const groups = places.flatMap(({ machines, run }) => (machines === null || run.isBegun ? [] : [machines]));
    await this.#createMachines(groups);
    await store.errands.setSuccess(deployment, errand, null);
    const exitCodes: number[] = [];
    await inParallel(places, this.#atOnceMax, async (place) => void exitCodes.push(await this.#runAt(place)));
    if (exitCodes.every((code) => code === 0)) await store.errands.setSuccess(deployment, errand, stateHash);
    return summaryOf(exitCodes);
  }

  async #places(starts: InstanceRunDeps['starts']): Promise<Place[]> {
    const { store } = this.#task;
    const { deployment: name, errand, instances: filters } = this.#args;
    const deployment = await store.deployments.get(name);
    if (deployment === undefined) throw gone(name);
    const texts = await storedTexts(deployment, store);
    if (texts === undefined) throw neverDeployed(name);
    const variables = await DeployVariables.kept(name, this.#deps, this.#task);
    const { groups } = await resolveGroups(texts, { store, variables });
    const targets = targetsOf({ deployment: name, errand, filters }, groups, await store.instances.ofDeployment(name));
    for (const warning of targets.warnings) this.#task.events.warning(warning);
    await this.#refuseSilent(targets);
    const machines = await prepareGroups(name, targets.errandGroups, texts, {
      deps: this.#deps,
      task: this.#task,
      variables,
    });
    const { byJob } = targets;
    const runDeps: InstanceRunDeps = { logs: this.#logs, task: this.#task, errand, byJob, starts };
    return [
      ...targets.services.map((instance) => ({
        stateHash: hashOf(instance.id, instance.spec?.['configuration_hash'], instance.spec?.['packages']),
        run: new InstanceRun(instance, runDeps),
        machines: null,
      })),
      ...machines
        .filter(({ target }) => targets.matched.has(target.id))
        .map((one) => ({ stateHash: one.stateHash, run: new InstanceRun(one.target, runDeps), machines: one })),
    ];
  }

  /** Of those that it runs on; of no others, who may be as they are. */
  async #refuseSilent({ services }: Targets): Promise<void> {
    const ids = new Set<Instance['id']>(services.map(({ id }) => id));
    if (ids.size === 0) return;
    const { store, signal, events } = this.#task;
    const { agents, clock } = this.#deps;
    const observed = await observe(this.#args.deployment, {
      store,
      signal,
      agents,
      clock,
      warn: (warning) => events.warning(warning),
      asks: ({ id }) => ids.has(id),
    });
    refuseSilent(observed.instances, this.#args.deployment);
  }

  /** Before it runs anywhere: where a machine can't be had, it runs nowhere. */
  async #createMachines(groups: readonly GroupMachines[]): Promise<void> {
    try {
      await inParallel(groups, this.#atOnceMax, (machines) => machines.create());
    } catch (thrown) {
      for (const machines of groups) await this.#deleteAfter(machines, thrown);
      throw thrown;
    }
  }

  async #runAt({ run, machines }: Place): Promise<number> {
    if (machines === null) return run.run();
    let exitCode: number;
    try {
      if (!run.isBegun) await machines.update();
      exitCode = await run.run();
    } catch (thrown) {
      await this.#deleteAfter(machines, thrown);
      throw thrown;
    }
    if (!this.#args.keepAlive) await machines.delete();
    return exitCode;
  }

  /** What went wrong first is what is told. Where another life of the director goes on with the task, the machines stay. */
  async #deleteAfter(machines: GroupMachines, thrown: unknown): Promise<void> {
    const task = this.#task;
    if (this.#args.keepAlive || (task.signal.aborted && !isCancelled(task))) return;
    try {
      await machines.delete();
    } catch (second) {
      task.debug(
        `the machines of ${machines.name} were not deleted after "${messageOf(thrown)}": ${messageOf(second)}`,
      );
      task.log.warn('errand-vms-not-deleted', { group: machines.name, error: messageOf(second) });
    }
  }

  get #logs(): LogsDeps {
    const { agents, blobs, clock } = this.#deps;
    return { agents, blobs, clock, vmsAtOnceMax: this.#atOnceMax };
  }
}

/** As BOSH counts: above 128 a signal was the end. */
function summaryOf(exitCodes: readonly number[]): string {
  const count = (is: (code: number) => boolean) => exitCodes.filter(is).length;
  return (
    `${count((code) => code === 0)} succeeded, ${count((code) => code > 0 && code <= 128)} errored, ` +
    `${count((code) => code > 128)} canceled`
  );
}
