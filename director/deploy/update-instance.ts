import { messageOf } from '../../common/errors.ts';
import { id, type InstanceId } from '../../common/ids.ts';
import type { UpdateInstanceArgs } from '../api/deploy-args.ts';
import { runSteps } from '../execute/effects.ts';
import type { InstanceWork } from '../execute/work.ts';
import { refuseSilent, reportOf } from '../observe/observe.ts';
import { activeVm, instanceTitle, type ActualInstance, type AgentReport } from '../plan/actual.ts';
import { planStart, planStop, type Phase } from '../plan/plan-action.ts';
import type { Instance, InstanceState } from '../store/instances.ts';
import type { Stage, TaskContext, TaskHandler } from '../tasks/task-context.ts';
import { deploymentLockWaitMs, type DeployDeps } from './deploy-deps.ts';
import { formerWork, type FormerWork } from './former-work.ts';
import { errandRefused, ignoredRefused, instanceMissing } from './instance-errors.ts';

/**
 * `bosh stop, start, restart, recreate GROUP/ID --no-converge`: one instance, as it was last updated; nothing else is
 * looked at. Converges: what an earlier attempt has done is done again or found done.
 */
export function updateInstance(deps: DeployDeps): TaskHandler {
  return (task) => {
    const args = task.task.args as UpdateInstanceArgs; // the API has checked it
    return task.withLock(`lock:deployment:${args.deployment}`, deploymentLockWaitMs, async () => {
      const instance = await task.store.instances.get(id<InstanceId>(args.instanceId));
      if (instance === undefined || instance.deployment !== args.deployment) throw instanceMissing(args);
      if (instance.ignore) throw ignoredRefused(instance);
      const former = await formerWork(instance, deps, task);
      if (former.errand) throw errandRefused(former.work.label, labelOf(args));
      await new InstanceAction(deps, task, args, former).run();
      return former.work.label;
    });
  };
}

function labelOf({ action, hard }: UpdateInstanceArgs): string {
  return action === 'restart' && hard ? 'recreate' : action;
}

class InstanceAction {
  readonly #deps: DeployDeps;
  readonly #task: TaskContext;
  readonly #args: UpdateInstanceArgs;
  readonly #former: FormerWork;
  readonly #stage: Stage;

  constructor(deps: DeployDeps, task: TaskContext, args: UpdateInstanceArgs, former: FormerWork) {
    this.#deps = deps;
    this.#task = task;
    this.#args = args;
    this.#former = former;
    this.#stage = task.events.stage(`Updating instance ${instanceTitle(former.work.instance)}`, null);
  }

  async run(): Promise<void> {
    if (this.#args.action === 'stop') return this.#stop();
    if (this.#args.action === 'start') return this.#start();
    await this.#onRecord(labelOf(this.#args), async () => {
      await this.#stop();
      await this.#start();
    });
  }

  /** The state is stored as soon as it is reached: a deploy that comes after a failure leaves stopped what is stopped. */
  async #stop(): Promise<void> {
    const phases = planStop(await this.#observed(this.#args.ignoreUnresponsiveAgent), this.#args);
    for (const phase of phases) {
      if (phase.title === 'Deleting VM') {
        await this.#perform(phase);
        await this.#record({ state: 'detached' });
      } else {
        await this.#onRecord('stop', () => this.#perform(phase));
        await this.#record({ state: 'stopped' });
      }
    }
  }

  /** From its beginning it counts as started and half updated: whatever ends it, the next deploy goes on. */
  async #start(): Promise<void> {
    for (const phase of planStart(await this.#observed(false), this.#former)) {
      if (phase.title === 'Creating VM') await this.#perform(phase);
      else {
        await this.#onRecord('start', async () => {
          await this.#record({ state: 'started', updateCompleted: false });
          await this.#perform(phase);
        });
      }
    }
  }

  async #perform({ title, steps }: Phase): Promise<void> {
    await this.#stage.task(title, async (progress) => {
      this.#work.progress = progress;
      await runSteps(steps, { ...this.#deps, task: this.#task, work: this.#work });
    });
  }

  async #record(changes: { state: InstanceState; updateCompleted?: boolean }): Promise<void> {
    await this.#task.store.instances.update(this.#work.instance.id, changes);
    Object.assign(this.#work.instance, changes);
  }

  async #onRecord(action: string, work: () => Promise<void>): Promise<void> {
    const { label, instance } = this.#work;
    const { deployment } = instance;
    const event = { action, objectType: 'instance', objectName: label, deployment, instance: label };
    const parentId = await this.#task.record(event);
    try {
      await work();
    } catch (thrown) {
      await this.#task.record({ ...event, parentId, error: messageOf(thrown) });
      throw thrown;
    }
    await this.#task.record({ ...event, parentId });
  }

  get #work(): InstanceWork {
    return this.#former.work;
  }

  /** @throws OperatorError `agents-silent` unless its silence does not matter */
  async #observed(silenceIsFine: boolean): Promise<ActualInstance> {
    const { instance } = this.#work;
    const actual = { instance, agent: await this.#report(instance) };
    if (!silenceIsFine) refuseSilent([actual], instance.deployment);
    return actual;
  }

  async #report(instance: Instance): Promise<AgentReport> {
    const vm = activeVm(instance);
    if (vm === null) return { kind: 'none' };
    return reportOf(instance, vm.agentId, { agents: this.#deps.agents, signal: this.#task.signal });
  }
}
