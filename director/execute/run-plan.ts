import { messageOf } from '../../common/errors.ts';
import { instanceTitle } from '../plan/actual.ts';
import { isChanging, type DeploymentPlan, type GroupPlan, type Wave } from '../plan/plan-deployment.ts';
import type { InstancePlan, Step } from '../plan/step.ts';
import type { Stage, StageProgress, TaskContext } from '../tasks/task-context.ts';
import { runSteps } from './effects.ts';
import { inParallel } from './in-parallel.ts';
import type { ExecuteDeps, InstanceWork } from './work.ts';

/** Finds what executing needs to know of a planned instance; the same object each time. */
export type WorkOf = (plan: InstancePlan) => InstanceWork;

const silent: StageProgress = { advance: () => {} };

/**
 * Does what a plan says, in its order: groups that are gone, VMs that are missing, then group by group and AZ by AZ,
 * canaries first. A failing instance ends the deploy after those that are under way; what comes later is untouched.
 */
export class PlanRunner {
  readonly #deps: ExecuteDeps;
  readonly #task: TaskContext;
  readonly #workOf: WorkOf;

  constructor(deps: ExecuteDeps, task: TaskContext, workOf: WorkOf) {
    this.#deps = deps;
    this.#task = task;
    this.#workOf = workOf;
  }

  async run(plan: DeploymentPlan): Promise<void> {
    await this.delete(plan.obsoleteGroups, 'Deleting unneeded instances');
    await this.createMissing(plan);
    await this.update(plan);
  }

  /** All that has no VM yet, before anything else is changed. */
  async createMissing(plan: DeploymentPlan): Promise<void> {
    await this.#createMissing(
      plan.batches.flat().flatMap(({ waves }) => waves.flatMap(({ canaries, rest }) => [...canaries, ...rest])),
    );
  }

  /** Group by group; VMs that were missing are there. */
  async update(plan: DeploymentPlan): Promise<void> {
    for (const batch of plan.batches) {
      this.#task.checkpoint();
      const [only, ...others] = batch;
      if (only !== undefined && others.length === 0) await this.#updateGroup(only);
      else await inParallel(batch, batch.length, (group) => this.#updateGroup(group));
    }
    await this.#deps.dns.tellAll();
  }

  /** @param maxInFlight of the group that shrinks; without one, what goes has nobody left to serve */
  async delete(
    plans: readonly InstancePlan[],
    stageName: string,
    { tags = [], maxInFlight }: { tags?: readonly string[]; maxInFlight?: number } = {},
  ): Promise<void> {
    if (plans.length === 0) return;
    const stage = this.#task.events.stage(stageName, plans.length, tags);
    const limit = Math.min(this.#deps.settings.vmsAtOnceMax, maxInFlight ?? Infinity);
    await inParallel(plans, limit, (plan) => this.#act(stage, plan, plan.updateSteps));
    await this.#deps.dns.tellAll(); // before others start, who would look for those that are gone
  }

  async #createMissing(plans: readonly InstancePlan[]): Promise<void> {
    const missing = plans.filter(({ createSteps }) => createSteps.length > 0);
    if (missing.length === 0) return;
    const stage = this.#task.events.stage('Creating missing vms', missing.length);
    await inParallel(missing, this.#deps.settings.vmsAtOnceMax, async (plan) => {
      this.#task.checkpoint();
      const work = this.#workOf(plan);
      await stage.task(instanceTitle(work.instance), async () => {
        await this.#beginUpdate(work);
        await this.#steps(work, plan.createSteps, silent);
      });
    });
    await this.#deps.dns.tellAll(); // the first that starts may look for the last
  }

  async #updateGroup({ group, deletions, deletionsMaxInFlight: maxInFlight, waves }: GroupPlan): Promise<void> {
    await this.delete(deletions, 'Deleting unneeded instances', { tags: [group], maxInFlight });
    const total = waves.reduce((sum, { canaries, rest }) => sum + canaries.length + rest.length, 0);
    if (total === 0) return;
    const stage = this.#task.events.stage('Updating instance', total, [group]);
    for (const wave of waves) await this.#runWave(stage, wave);
  }

  async #runWave(stage: Stage, { canaries, rest, maxInFlight }: Wave): Promise<void> {
    const update = (canary: boolean) => async (plan: InstancePlan) => {
      if (!isChanging(plan)) return;
      this.#workOf(plan).canary = canary;
      await this.#act(stage, plan, plan.updateSteps);
    };
    await inParallel(canaries, maxInFlight, update(true));
    await inParallel(rest, maxInFlight, update(false));
  }

  /** One instance in its stage, with a director event around it. */
  async #act(stage: Stage, plan: InstancePlan, steps: readonly Step[]): Promise<void> {
    this.#task.checkpoint();
    const work = this.#workOf(plan);
    const title = `${instanceTitle(work.instance)}${work.canary ? ' (canary)' : ''}`;
    await stage.task(title, async (progress) => {
      const event = {
        action: plan.action,
        objectType: 'instance',
        objectName: work.label,
        deployment: work.instance.deployment,
        instance: work.label,
      };
      const parentId = await this.#task.record({ ...event, context: contextOf(plan) });
      try {
        await this.#beginUpdate(work);
        await this.#steps(work, steps, progress);
      } catch (thrown) {
        await this.#task.record({ ...event, parentId, error: messageOf(thrown) });
        throw thrown;
      }
      await this.#task.record({ ...event, parentId });
    });
  }

  /** From here until `finish` the instance counts as half updated, whatever happens to us. */
  async #beginUpdate(work: InstanceWork): Promise<void> {
    if (!work.instance.updateCompleted) return;
    await this.#task.store.instances.update(work.instance.id, { updateCompleted: false });
    work.instance.updateCompleted = false;
  }

  async #steps(work: InstanceWork, steps: readonly Step[], progress: StageProgress): Promise<void> {
    work.progress = progress;
    await runSteps(steps, { ...this.#deps, task: this.#task, work });
  }
}

function contextOf({ action, az, changes }: InstancePlan): Record<string, unknown> {
  if (action === 'start' || action === 'stop' || action === 'restart' || action === 'delete') return {};
  const kinds = changes.map(({ kind }) => kind);
  const told = action !== 'create' && !(kinds.length === 1 && kinds[0] === 'recreate');
  return { ...(az === null ? {} : { az }), ...(told ? { changes: [...new Set(kinds)] } : {}) };
}
