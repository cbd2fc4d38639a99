import type { PackageRef } from '../../agent/protocol.ts';
import { OperatorError, messageOf } from '../../common/errors.ts';
import { id, type InstanceId } from '../../common/ids.ts';
import type { UpdateDeploymentArgs } from '../api/deploy-args.ts';
import { compilePackages, packageRef } from '../compile/compile-packages.ts';
import { requirementKey, requirementsOf, type CompileDemand, type Requirement } from '../compile/requirements.ts';
import { PlanRunner } from '../execute/run-plan.ts';
import type { ExecuteDeps, InstanceWork } from '../execute/work.ts';
import { observe, refuseSilent } from '../observe/observe.ts';
import { instanceLabel, type ActualDeployment } from '../plan/actual.ts';
import { newAddresses } from '../plan/addresses.ts';
import { vmShape, type WantedInstance } from '../plan/changes.ts';
import { describePlan, describeSteps } from '../plan/describe.ts';
import { stemcellFor } from '../plan/instance-spec.ts';
import { layOut, type Layout } from '../plan/layout.ts';
import { resolveLinks, type ResolvedLinks } from '../plan/links.ts';
import { isChanging, planDeployment, stateWish, type DeploymentPlan } from '../plan/plan-deployment.ts';
import type { InstancePlan } from '../plan/step.ts';
import type { DeployOptions, WantedGroup } from '../plan/wanted.ts';
import type { CompiledPackage } from '../store/releases.ts';
import type { Instance } from '../store/instances.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import { deployOptions } from './deploy-args.ts';
import { compilationMachines } from './compilation.ts';
import { gone } from './gone.ts';
import { jobsWork, renderAll, type RenderDeps, type Rendered } from './render.ts';
import { resolve, type Resolved } from './resolve.ts';
import { runPostDeploy } from './post-deploy.ts';

export interface DeployDeps extends ExecuteDeps, RenderDeps {
  domain: string;
}

/** How long a deploy waits for another task on its deployment. BOSH: 10 s. */
export const deploymentLockWaitMs = 10_000;

/** How often the layout is made anew because another deploy took an address first. */
const layoutTriesMax = 20;

/**
 * Deploys: resolve, observe, plan, compile, execute. Converges: called again after a crash it observes anew and does
 * what is left.
 */
export function updateDeployment(deps: DeployDeps): TaskHandler {
  return (task) => {
    const name = task.task.deployment;
    if (name === null) throw new Error('an update_deployment task names no deployment');
    return task.withLock(`lock:deployment:${name}`, deploymentLockWaitMs, () =>
      new Deploy(deps, task, name).runOnRecord(),
    );
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
    this.#options = deployOptions(this.#args);
  }

  /** With an event of the director before and after. */
  async runOnRecord(): Promise<string> {
    const { store } = this.#task;
    const used = async () => {
      const deployment = await store.deployments.get(this.#name);
      const named = (list: ReadonlyArray<{ name: string; version: string }> = []) =>
        list.map(({ name, version }) => `${name}/${version}`);
      return { releases: named(deployment?.releases), stemcells: named(deployment?.stemcells) };
    };
    const event = {
      action: this.#args.new ? 'create' : 'update',
      objectType: 'deployment',
      objectName: this.#name,
      deployment: this.#name,
    };
    const before = await used();
    const parentId = await this.#task.record(event);
    try {
      const result = await this.#run();
      await this.#task.record({ ...event, parentId, context: { before, after: await used() } });
      return result;
    } catch (thrown) {
      await this.#task.record({ ...event, parentId, error: messageOf(thrown) });
      throw thrown;
    }
  }

  async #run(): Promise<string> {
    const { events, store } = this.#task;
    const preparing = events.stage('Preparing deployment', 1);
    const prepared = await preparing.task('Preparing deployment', () => this.#prepare());
    const { resolved, layout, links } = prepared;
    const rendered = await preparing.task('Rendering templates', () =>
      renderAll(resolved.wanted, layout, links, this.#deps),
    );

    const requirements = await this.#requirements(resolved);
    const plan = this.#plan(prepared, rendered, requirements);
    for (const line of describePlan(plan)) this.#task.debug(line);
    if (this.#options.dryRun) return this.#show(plan);

    const compiled = await this.#compile(resolved, requirements);
    const works = this.#works(prepared, rendered, (group) => packagesOf(group, requirements, compiled));
    await new PlanRunner(this.#deps, this.#task, works).run(plan);

    await store.deployments.deployed(this.#name, {
      manifest: this.#args.manifestText,
      cloudConfigIds: this.#args.cloudConfigIds,
      runtimeConfigIds: this.#args.runtimeConfigIds,
      releases: resolved.releases,
      stemcells: resolved.stemcells,
    });
    const changed = plan.batches
      .flat()
      .some(({ instances, deletions }) => deletions.length > 0 || instances.some(isChanging));
    if (changed) await runPostDeploy(await store.instances.ofDeployment(this.#name), this.#deps, this.#task);
    return `/deployments/${this.#name}`;
  }

  async #prepare(): Promise<Prepared> {
    const { store, signal, events } = this.#task;
    const deployment = await store.deployments.get(this.#name);
    if (deployment === undefined) throw gone(this.#name);
    const configs = async (ids: readonly number[]) => (await store.configs.getAll(ids)).map(({ content }) => content);
    const resolved = await resolve(
      {
        manifest: this.#args.manifestText,
        cloudConfigs: await configs(this.#args.cloudConfigIds),
        runtimeConfigs: await configs(this.#args.runtimeConfigIds),
        teams: deployment.teams,
        firstDeploy: deployment.manifest === null,
      },
      { ...this.#deps, store, signal, directorName: this.#deps.settings.directorName },
    );
    for (const warning of resolved.warnings) events.warning(warning);
    if (!this.#options.dryRun) await store.deployments.uses(this.#name, resolved);
    const observed = await observe(this.#name, { store, signal, agents: this.#deps.agents });
    if (!this.#options.fix) refuseSilent(observed.instances, this.#name);
    const { layout, actual } = await this.#layOut(resolved, observed);
    return { resolved, actual, layout, links: resolveLinks(resolved.wanted, layout) };
  }

  /** Decides who is where and records it: rows and addresses, before anything is made. */
  async #layOut(resolved: Resolved, observed: ActualDeployment): Promise<{ layout: Layout; actual: ActualDeployment }> {
    const { store } = this.#task;
    const { wanted } = resolved;
    const total = wanted.groups.reduce((sum, { group }) => sum + group.instances, 0);
    const freshIds = Array.from({ length: total }, () => id<InstanceId>(this.#deps.chance.uuid()));
    for (let tries = 1; ; tries++) {
      const actual = tries === 1 ? observed : { ...observed, addresses: await store.instances.addresses() };
      const layout = layOut(wanted, actual, freshIds);
      if (this.#options.dryRun) return { layout, actual };
      try {
        await this.#recordLayout(layout);
        return { layout, actual };
      } catch (thrown) {
        const lostRace = thrown instanceof OperatorError && thrown.code === 'address-taken' && tries < layoutTriesMax;
        if (!lostRace) throw thrown;
      }
    }
  }

  async #recordLayout(layout: Layout): Promise<void> {
    const instances = layout.groups.flatMap((group) =>
      group.instances.filter(({ group: name }) => name === group.wanted.group.name),
    );
    const errands = new Set(
      layout.groups.filter(({ wanted }) => wanted.group.lifecycle === 'errand').map(({ wanted }) => wanted.group.name),
    );
    const fresh = instances.filter(({ existing }) => existing === null);
    const taskId = this.#task.task.id;
    await this.#task.store.atomically(async (store) => {
      await store.instances.create(
        fresh.map(({ id: instanceId, group, index, az, bootstrap }) => ({
          id: instanceId,
          deployment: id(this.#name),
          group,
          index,
          az,
          bootstrap,
          state: 'started' as const,
          ignore: false,
          compilation: false,
          updateCompleted: errands.has(group), // an errand's machine is made when it runs
          spec: null,
        })),
      );
      for (const { id: instanceId, existing, ...laidOut } of instances) {
        if (existing === null) continue;
        const { group, index, az, bootstrap } = existing.instance;
        const same =
          group === laidOut.group && index === laidOut.index && az === laidOut.az && bootstrap === laidOut.bootstrap;
        if (!same)
          await store.instances.update(instanceId, {
            group: laidOut.group,
            index: laidOut.index,
            az: laidOut.az,
            bootstrap: laidOut.bootstrap,
          });
      }
      await store.instances.reserve(
        instances.flatMap((instance) => newAddresses(instance).map((address) => ({ ...address, taskId }))),
      );
    });
  }

  async #requirements({ wanted, exportedFrom }: Resolved): Promise<Map<string, Requirement>> {
    const stage = this.#task.events.stage('Preparing package compilation', 1);
    return stage.task('Finding packages to compile', async () => {
      const demands = wanted.groups.flatMap((group) => demandsOf(group, exportedFrom));
      const ids = new Set(demands.flatMap(({ packages }) => [...packages.values()].map((pkg) => pkg.id)));
      return requirementsOf(demands, await this.#task.store.releases.compiledFor([...ids]));
    });
  }

  async #compile(
    resolved: Resolved,
    requirements: ReadonlyMap<string, Requirement>,
  ): Promise<Map<string, CompiledPackage>> {
    const machines = await compilationMachines(resolved, this.#deps, this.#task);
    return compilePackages(requirements, { task: this.#task, agents: this.#deps.agents, machines });
  }

  #plan(
    prepared: Prepared,
    rendered: ReadonlyMap<string, Rendered>,
    requirements: ReadonlyMap<string, Requirement>,
  ): DeploymentPlan {
    const known = new Map(
      [...requirements.values()].flatMap(({ key, compiled }) => (compiled === null ? [] : [[key, compiled] as const])),
    );
    const { layout, resolved } = prepared;
    const wanted = new Map<string, WantedInstance>();
    for (const { wanted: group, instances } of layout.groups) {
      const packages = packagesOf(group, requirements, known);
      for (const instance of instances) {
        const { networks, configurationHash, templateHashes } = renderedOf(rendered, instance.id);
        wanted.set(instance.id, {
          deployment: resolved.wanted,
          group,
          layout: instance,
          networks,
          packages,
          rendered: { configurationHash, templateHashes },
          stateWish: stateWish(group.group, instance, this.#options),
          tags: { ...resolved.wanted.tags, ...group.group.tags },
        });
      }
    }
    const plan = planDeployment(layout, wanted, this.#options, resolved.wanted.firstDeploy);
    for (const instance of plan.batches.flat().flatMap((group) => group.instances)) {
      if (isChanging(instance)) this.#task.debug(`${instance.group}/${instance.id}: ${describeSteps(instance)}`);
    }
    return plan;
  }

  /** A dry run ends here: its plan, a line an instance, in the event stream and as the task's result. */
  async #show(plan: DeploymentPlan): Promise<string> {
    const lines = describePlan(plan);
    const stage = this.#task.events.stage('Planned changes', lines.length);
    for (const line of lines) await stage.task(line, () => Promise.resolve());
    this.#task.result(lines.map((line) => `${line}\n`).join(''));
    return `/deployments/${this.#name}`;
  }

  #works(
    prepared: Prepared,
    rendered: ReadonlyMap<string, Rendered>,
    packages: (group: WantedGroup) => Readonly<Record<string, PackageRef | null>>,
  ): (plan: InstancePlan) => InstanceWork {
    const { resolved, layout, links, actual } = prepared;
    const works = new Map<string, InstanceWork>();
    const existing = new Map(actual.instances.map(({ instance }) => [instance.id, instance]));
    for (const group of layout.groups) {
      const refs = packages(group.wanted);
      for (const instance of group.instances) {
        const own = renderedOf(rendered, instance.id);
        const { stemcell: _stemcell, ...shape } = vmShape({
          deployment: resolved.wanted,
          group: group.wanted,
          layout: instance,
          networks: own.networks,
        });
        const cpi = (instance.az === null ? null : resolved.wanted.cloud.azs.get(instance.az)?.cpi) ?? '';
        const row =
          existing.get(instance.id) ?? freshInstance(this.#name, instance, taskAddresses(instance, this.#task));
        works.set(instance.id, {
          instance: { ...row, group: instance.group, index: instance.index, az: instance.az },
          label: instanceLabel(instance),
          machine: {
            ...shape,
            cpi,
            stemcell: stemcellFor(resolved.wanted, group.wanted, instance.az),
            tags: { ...resolved.wanted.tags, ...group.wanted.group.tags },
          },
          jobs: jobsWork({ wanted: resolved.wanted, group, instance, links }, own, refs, this.#deps),
          canary: false,
          progress: { advance: () => {} },
        });
      }
    }
    for (const { instance } of layout.obsolete) works.set(instance.id, deletionWork(instance));
    return ({ id: instanceId }) => {
      const work = works.get(instanceId);
      if (work === undefined) throw new Error(`instance ${instanceId} is planned and unknown`);
      return work;
    };
  }
}

interface Prepared {
  resolved: Resolved;
  actual: ActualDeployment;
  layout: Layout;
  links: ResolvedLinks;
}

export function deletionWork(instance: Instance): InstanceWork {
  return {
    instance,
    label: instanceLabel(instance),
    machine: null,
    jobs: null,
    canary: false,
    progress: { advance: () => {} },
  };
}

function taskAddresses(instance: Layout['groups'][number]['instances'][number], task: TaskContext): Instance['ips'] {
  return newAddresses(instance).map((address) => ({ ...address, taskId: task.task.id }));
}

function freshInstance(
  deployment: string,
  { id: instanceId, group, index, az, bootstrap }: Layout['groups'][number]['instances'][number],
  ips: Instance['ips'],
): Instance {
  return {
    id: instanceId,
    number: 0, // the store's; nothing here asks for it
    deployment: id(deployment),
    group,
    index,
    az,
    state: 'started',
    bootstrap,
    ignore: false,
    compilation: false,
    updateCompleted: false,
    spec: null,
    vms: [],
    disks: [],
    ips,
  };
}

function renderedOf(rendered: ReadonlyMap<string, Rendered>, instanceId: string): Rendered {
  const own = rendered.get(instanceId);
  if (own === undefined) throw new Error(`instance ${instanceId} was not rendered`);
  return own;
}

function demandsOf({ jobs, stemcells }: WantedGroup, exportedFrom: Resolved['exportedFrom']): CompileDemand[] {
  const stemcell = stemcells.values().next().value;
  if (stemcell === undefined) return [];
  return jobs.map(({ release, packages, job }) => ({
    release,
    packages,
    wanted: job.packages,
    stemcell: { os: stemcell.os, version: stemcell.version },
    exportedFrom: exportedFrom.get(release.name) ?? [],
  }));
}

/** Packages that the group's jobs need at run time, as agents are told of them; null while one is not compiled. */
function packagesOf(
  group: WantedGroup,
  requirements: ReadonlyMap<string, Requirement>,
  compiled: ReadonlyMap<string, CompiledPackage>,
): Record<string, PackageRef | null> {
  const stemcell = group.stemcells.values().next().value;
  const refs: Record<string, PackageRef | null> = {};
  if (stemcell === undefined) return refs;
  for (const { job, packages } of group.jobs) {
    for (const name of job.packages) {
      const requirement = requirements.get(requirementKey(packages.get(name)?.id ?? -1, stemcell));
      if (requirement === undefined) throw new Error(`package ${name} was not asked for`);
      refs[name] = compiled.has(requirement.key) ? packageRef(requirement, compiled) : null;
    }
  }
  return refs;
}
