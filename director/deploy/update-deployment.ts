import { messageOf } from '../../common/errors.ts';
import { inTurns, mapInTurns } from '../../common/in-turns.ts';
import { changeLine, changesIn } from '../api/contract/plan-text.ts';
import type { DeploymentPlanDocument } from '../api/contract/plans.ts';
import type { UpdateDeploymentArgs } from '../api/deploy-args.ts';
import { compilePackages } from '../compile/compile-packages.ts';
import type { Requirement } from '../compile/requirements.ts';
import { PlanRunner } from '../execute/run-plan.ts';
import { documentingPlan } from '../plan/plan-document.ts';
import { isChanging, type DeploymentPlan } from '../plan/plan-deployment.ts';
import type { DeployOptions } from '../plan/wanted.ts';
import type { CompiledPackage } from '../store/releases.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import { besideOthers } from './beside-others.ts';
import { compilationMachines } from './compilation.ts';
import { deployOptions } from './deploy-args.ts';
import { deploymentLockWaitMs, type DeployDeps } from './deploy-deps.ts';
import { compiledBefore, packagesOf, requirementsOfDeployment } from './group-packages.ts';
import { instanceWorks } from './instance-works.ts';
import { makePlan } from './make-plan.ts';
import { runPostDeploy } from './post-deploy.ts';
import { prepare, type Prepared } from './prepare.ts';
import { renderAll } from './render.ts';
import { stillUsed } from './still-used.ts';
import { recordSuccess } from './variables/record-success.ts';

/**
 * Deploys: resolve, observe, plan, compile, execute. Converges: called again after a crash it observes anew and does
 * what is left.
 */
export function updateDeployment(deps: DeployDeps): TaskHandler {
  return (task) => {
    const name = task.task.deployment;
    if (name === null) throw new Error('an update_deployment task names no deployment');
    const deploy = new Deploy(deps, task, name);
    const [lock, run] = [`lock:deployment:${name}`, () => deploy.runOnRecord()];
    return deploy.onlyReads
      ? besideOthers(lock, { task, clock: deps.clock }, run)
      : task.withLock(lock, deploymentLockWaitMs, run);
  };
}

class Deploy {
  readonly #deps: DeployDeps;
  readonly #task: TaskContext;
  readonly #name: string;
  readonly #args: UpdateDeploymentArgs;
  readonly #options: DeployOptions;

  constructor(deps: DeployDeps, task: TaskContext, name: string) {
    this.#deps = deps;
    this.#task = task;
    this.#name = name;
    this.#args = task.task.args as UpdateDeploymentArgs; // the API has checked it
    this.#options = deployOptions(this.#args, deps.settings);
  }

  get onlyReads(): boolean {
    return this.#options.dryRun;
  }

  /** With an event of the director before and after. */
  async runOnRecord(): Promise<string> {
    const event = {
      action: this.#args.new ? 'create' : 'update',
      objectType: 'deployment',
      objectName: this.#name,
      deployment: this.#name,
    };
    const before = await this.#used();
    const parentId = await this.#task.record(event);
    try {
      const result = await this.#run();
      await this.#task.record({ ...event, parentId, context: { before, after: await this.#used() } });
      return result;
    } catch (thrown) {
      await this.#task.record({ ...event, parentId, error: messageOf(thrown) });
      throw thrown;
    }
  }

  async #used(): Promise<{ releases: string[]; stemcells: string[] }> {
    const deployment = await this.#task.store.deployments.get(this.#name);
    const named = (list: ReadonlyArray<{ name: string; version: string }> = []) =>
      list.map(({ name, version }) => `${name}/${version}`);
    return { releases: named(deployment?.releases), stemcells: named(deployment?.stemcells) };
  }

  async #run(): Promise<string> {
    const { events, store } = this.#task;
    const context = { deps: this.#deps, task: this.#task };
    const preparing = events.stage('Preparing deployment', 1);
    const prepared = await preparing.task('Preparing deployment', () =>
      prepare(this.#name, this.#args, this.#options, context),
    );
    const { resolved, layout } = prepared;
    const rendered = await preparing.task('Rendering templates', () =>
      renderAll(resolved.wanted, layout, prepared, this.#deps),
    );
    const requirements = await events
      .stage('Preparing package compilation', 1)
      .task('Finding packages to compile', () => requirementsOfDeployment(resolved, store));

    const known = compiledBefore(requirements);
    const plan = await makePlan(prepared, rendered, (group) => packagesOf(group, requirements, known), this.#options);
    const document = await inTurns(
      documentingPlan(plan, { deployment: this.#name, nothingRecorded: this.#options.dryRun }),
    );
    if (this.#options.dryRun) return this.#show(document);
    await this.#tell(document);

    const compiled = await this.#compile(prepared, requirements);
    const works = await instanceWorks(prepared, rendered, (group) => packagesOf(group, requirements, compiled), {
      deps: this.#deps,
      task: this.#task.task,
    });
    await new PlanRunner(this.#deps, this.#task, works).run(plan);
    await this.#deployed(prepared, plan);
    return `/deployments/${this.#name}`;
  }

  /** What will be done, in the debug output: as a dry run would have shown it, with each step. */
  async #tell(document: DeploymentPlanDocument): Promise<void> {
    await mapInTurns(changesIn(document), ({ planned, canary }) => {
      const steps = [...planned.create_steps, ...planned.steps].join(', ');
      this.#task.debug(`${changeLine(planned, { canary })}. Steps: ${steps}`);
    });
  }

  /** A dry run ends here: a line for each instance in the event stream, and all of it as the task's result. */
  async #show(document: DeploymentPlanDocument): Promise<string> {
    const changes = changesIn(document);
    const stage = this.#task.events.stage('Planned changes', changes.length);
    for (const { planned, canary } of changes)
      await stage.task(changeLine(planned, { canary }), () => Promise.resolve());
    this.#task.result(`${JSON.stringify(document)}\n`);
    return `/deployments/${this.#name}`;
  }

  async #compile(
    { resolved, variables }: Prepared,
    requirements: ReadonlyMap<string, Requirement>,
  ): Promise<Map<string, CompiledPackage>> {
    const machines = await compilationMachines(resolved, variables, this.#deps, this.#task);
    return compilePackages(requirements, { task: this.#task, agents: this.#deps.agents, machines });
  }

  /** From here on this is what the deployment is, and what state changes and exports begin from. */
  async #deployed(prepared: Prepared, plan: DeploymentPlan): Promise<void> {
    const { resolved } = prepared;
    const { store } = this.#task;
    const still = await stillUsed(this.#name, resolved, store);
    const releases = [...resolved.releases, ...still.releases];
    const stemcells = [...resolved.stemcells, ...still.stemcells];
    const { manifestText: manifest, cloudConfigIds, runtimeConfigIds } = this.#args;
    const { id: taskId, user } = this.#task.task;
    const deploy = { taskId, user, atMs: this.#deps.clock.now(), versions: resolved.versions };
    const configs = { cloudConfigIds, runtimeConfigIds };
    await store.atomically(async (inside) => {
      await inside.deployments.deployed(this.#name, { manifest, ...configs, releases, stemcells, deploy });
      await inside.links.settle(this.#name);
      await recordSuccess(prepared.variables, inside);
    });
    const changed = plan.batches
      .flat()
      .some(({ instances, deletions }) => deletions.length > 0 || instances.some(isChanging));
    if (changed) await runPostDeploy(await store.instances.ofDeployment(this.#name), this.#deps, this.#task);
  }
}
