import { createHash } from 'node:crypto';
import { messageOf, OperatorError } from '../../common/errors.ts';
import { compilePackages } from '../compile/compile-packages.ts';
import { compilationMachines } from '../deploy/compilation.ts';
import type { DeployDeps } from '../deploy/deploy-deps.ts';
import { packagesOf, requirementsOfDeployment } from '../deploy/group-packages.ts';
import { instanceWorks } from '../deploy/instance-works.ts';
import { linkUp } from '../deploy/link-up.ts';
import { makePlan } from '../deploy/make-plan.ts';
import type { Prepared } from '../deploy/prepare.ts';
import { renderAll, renderedOf } from '../deploy/render.ts';
import { groupsNamed, layOutOnRecord } from '../deploy/record-layout.ts';
import type { DeployVariables } from '../deploy/variables/deploy-variables.ts';
import { fillLate } from '../deploy/variables/late.ts';
import { resolve, type DeploymentTexts } from '../deploy/resolve.ts';
import { runSteps } from '../execute/effects.ts';
import { inParallel } from '../execute/in-parallel.ts';
import { PlanRunner, type WorkOf } from '../execute/run-plan.ts';
import type { InstanceWork } from '../execute/work.ts';
import { observe, refuseSilent } from '../observe/observe.ts';
import { activeVm } from '../plan/actual.ts';
import type { GroupLayout, Layout } from '../plan/layout.ts';
import type { DeploymentPlan } from '../plan/plan-deployment.ts';
import type { Step } from '../plan/step.ts';
import type { DeployOptions } from '../plan/wanted.ts';
import type { Instance } from '../store/instances.ts';
import type { TaskContext } from '../tasks/task-context.ts';
import { settling } from './after-cancel.ts';
import { neverDeployed } from './errors.ts';

const optionsFor = (group: string, { disksInPlace, snapshots }: DeployDeps['settings']): DeployOptions => ({
  dryRun: false,
  recreate: false,
  recreateCreatedBeforeMs: null,
  recreatePersistentDisks: false,
  disksInPlace,
  snapshots,
  fix: false,
  skipDrain: [],
  canaries: null,
  maxInFlight: null,
  states: [{ group, instance: null, state: 'started' }],
  runsErrands: true,
});

/** The machines of one group of errands: made or brought up to date before it runs, deleted after it. */
export class GroupMachines {
  readonly name: string;
  /** Who runs it: the bootstrap. */
  readonly target: Instance;
  /** Of the target, for --when-changed: what it runs and with which configuration. */
  readonly stateHash: string;
  readonly #deps: DeployDeps;
  readonly #task: TaskContext;
  readonly #works: readonly InstanceWork[];
  readonly #workOf: WorkOf;
  readonly #plan: DeploymentPlan;

  constructor(
    of: { name: string; target: InstanceWork; stateHash: string; works: readonly InstanceWork[]; workOf: WorkOf },
    plan: DeploymentPlan,
    { deps, task }: { deps: DeployDeps; task: TaskContext },
  ) {
    this.name = of.name;
    this.target = of.target.instance;
    this.stateHash = of.stateHash;
    this.#works = of.works;
    this.#workOf = of.workOf;
    this.#plan = plan;
    this.#deps = deps;
    this.#task = task;
  }

  async create(): Promise<void> {
    await new PlanRunner(this.#deps, this.#task, this.#workOf).createMissing(this.#plan);
  }

  async update(): Promise<void> {
    await new PlanRunner(this.#deps, this.#task, this.#workOf).update(this.#plan);
  }

  /** All of them, of whatever run: their instances stay, with disks and addresses. Goes on after a cancel. */
  async delete(): Promise<void> {
    const task = settling(this.#task);
    const { settings } = this.#deps;
    await inParallel(this.#works, settings.vmsAtOnceMax, async (work) => {
      if (work.instance.ignore || work.instance.vms.length === 0) return;
      await this.#takeOffDisks(work, task);
      const steps = work.instance.vms.map((vm): Step => ({ kind: 'delete-vm', agentId: vm.agentId, vmCid: vm.cid }));
      await runSteps(steps, { ...this.#deps, task, work });
      await task.store.dns.setRecords([{ instance: work.instance.id, records: [] }]);
      // Nothing is half updated where there is no machine.
      await task.store.instances.update(work.instance.id, { updateCompleted: true });
      work.instance.updateCompleted = true;
    });
    await this.#deps.dns.tellAll();
  }

  /** An agent that can't leaves it to the infrastructure, which does it when it deletes the VM. */
  async #takeOffDisks(work: InstanceWork, task: TaskContext): Promise<void> {
    const { disks } = work.instance;
    if (activeVm(work.instance) === null || !disks.some(({ active, state }) => active && state === 'live')) return;
    try {
      await runSteps([{ kind: 'detach-disks' }], { ...this.#deps, task, work });
    } catch (thrown) {
      task.signal.throwIfAborted();
      if (!(thrown instanceof OperatorError)) throw thrown;
      task.debug(`${work.label}: its disks were not taken off before its VM is deleted: ${messageOf(thrown)}`);
    }
  }
}

/** Looks up and renders what groups of errands shall run; compiles what is not compiled. No machine of theirs is touched. */
export async function prepareGroups(
  name: string,
  groups: readonly string[],
  texts: DeploymentTexts | undefined,
  { deps, task, variables }: { deps: DeployDeps; task: TaskContext; variables: DeployVariables },
): Promise<GroupMachines[]> {
  if (groups.length === 0) return [];
  if (texts === undefined) throw neverDeployed(name);
  const { store, signal, events } = task;
  const names = new Set(groups);
  const resolved = await resolve(texts, { ...deps, store, task, variables, directorName: deps.settings.directorName });
  const observed = await observe(name, {
    store,
    signal,
    agents: deps.agents,
    clock: deps.clock,
    warn: (warning) => events.warning(warning),
    asks: ({ group }) => names.has(group),
  });
  refuseSilent(observed.instances, name);
  const { chance } = deps;
  const { layout, actual } = await layOutOnRecord(resolved.wanted, observed, {
    task,
    chance,
    dryRun: false,
    groups: names,
  });
  // What others are told of the deployment is for a deploy to say.
  const linked = await linkUp(resolved.wanted, layout, { task, nowMs: deps.clock.now(), records: false });
  const own = groupsNamed(layout, names);
  const filled = await fillLate(resolved, linked.links, variables, { actual, jobs: deps.jobs });
  task.conceal(variables.values.texts());
  const prepared: Prepared = {
    resolved,
    actual,
    layout,
    linked: { ...linked, links: filled.links },
    dnsRecords: await store.dns.records(name),
    variables,
    filled,
  };
  const wanted = { ...resolved.wanted, groups: own.map((group) => group.wanted) };
  const requirements = await events
    .stage('Preparing package compilation', 1)
    .task('Finding packages to compile', () => requirementsOfDeployment({ ...resolved, wanted }, store));
  const rendered = await renderAll(resolved.wanted, layoutOf(layout, own), prepared, deps);
  const machines = await compilationMachines(resolved, variables, deps, task);
  const compiled = await compilePackages(requirements, { task, agents: deps.agents, machines });
  return Promise.all(own.map((group) => machinesOf(group)));

  async function machinesOf(group: GroupLayout): Promise<GroupMachines> {
    const part = { ...prepared, layout: layoutOf(layout, [group]) };
    const packages = packagesOf(group.wanted, requirements, compiled);
    const workOf = await instanceWorks(part, rendered, () => packages, { deps, task: task.task });
    const groupName = group.wanted.group.name;
    const plan = await makePlan(part, rendered, () => packages, optionsFor(groupName, deps.settings));
    const plans = plan.batches.flat().flatMap(({ instances }) => instances);
    const targetPlan = plans[0];
    if (targetPlan === undefined) throw new Error(`errand group ${groupName} has no instances`); // they were found
    const { configurationHash } = renderedOf(rendered, targetPlan.id);
    const stateHash = hashOf(targetPlan.id, configurationHash, packages);
    const of = { name: groupName, target: workOf(targetPlan), stateHash, works: plans.map(workOf), workOf };
    return new GroupMachines(of, plan, { deps, task });
  }
}

/** Nothing of it is obsolete: who goes is for a deploy to say. */
function layoutOf(layout: Layout, groups: Layout['groups']): Layout {
  return { ...layout, groups: groups.map((group) => ({ ...group, obsolete: [] })), obsolete: [] };
}

/** Changes with whatever an errand may do otherwise on this instance. */
export function hashOf(instanceId: string, configurationHash: unknown, packages: unknown): string {
  return createHash('sha1')
    .update(JSON.stringify([instanceId, configurationHash, packages]))
    .digest('hex');
}
