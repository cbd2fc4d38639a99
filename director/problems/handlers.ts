import { OperatorError } from '../../common/errors.ts';
import { id, type DeploymentName } from '../../common/ids.ts';
import { deploymentLockWaitMs, type DeployDeps } from '../deploy/deploy-deps.ts';
import { gone } from '../deploy/gone.ts';
import { runPostDeploy } from '../deploy/post-deploy.ts';
import { instanceLabel } from '../plan/actual.ts';
import type { Instance } from '../store/instances.ts';
import type { Problem } from '../store/problems.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import type { ApplyResolutionsArgs, ScanAndFixArgs, ScanArgs } from './args.ts';
import { ProblemResolver, type Choices } from './resolver.ts';
import { scanDisks } from './scan-disks.ts';
import { type ScanIo, scanVms } from './scan-vms.ts';

export interface ProblemOptions {
  /** Whether instances with a persistent disk get another VM unasked. */
  fixesStateful: boolean;
}

/** By the type of the task. */
export function problemTaskHandlers(deps: DeployDeps, options: ProblemOptions): Record<string, TaskHandler> {
  return {
    cck_scan: scan(deps),
    cck_apply: applyResolutions(deps),
    cck_scan_and_fix: scanAndFix(deps, options),
  };
}

/** `bosh cloud-check`, its first half: what is wrong with a deployment takes the place of what was. */
function scan(deps: DeployDeps): TaskHandler {
  return (task) => {
    const { deployment } = task.task.args as ScanArgs; // the API has checked it, as those below
    return withLockAtOnce(deployment, task, async () => {
      const { store } = task;
      const instances = await instancesOf(deployment, task);
      const vms = await scanVms(instances, { deps, task });
      const disks = await scanDisks(instances, vms, { deps, task });
      const nowMs = deps.clock.now();
      await store.problems.replace(id<DeploymentName>(deployment), [...vms.problems, ...disks], { nowMs });
      return 'scan complete';
    });
  };
}

/** The other half: what was chosen for each problem is done. */
function applyResolutions(deps: DeployDeps): TaskHandler {
  return (task) => {
    const { deployment, resolutions, maxInFlightOverrides } = task.task.args as ApplyResolutionsArgs;
    const lock = `lock:deployment:${deployment}`;
    return task.withLock(lock, deploymentLockWaitMs, async () => {
      const chosen = new Map(Object.entries(resolutions).map(([problem, name]) => [Number(problem), name]));
      const problems = await task.store.problems.get(deployment, [...chosen.keys()]);
      const known = new Set(problems.map((problem) => problem.id));
      const unknown = [...chosen.keys()].filter((problem) => !known.has(problem));
      if (unknown.length > 0)
        task.events.warning(`there is no problem ${unknown.join(', ')} of deployment "${deployment}"`);
      const resolver = new ProblemResolver(deployment, deps, task);
      const { resolved, errors } = await resolver.apply(problems, { resolutions: chosen, maxInFlightOverrides });
      if (errors.length > 0) throw notResolved(errors);
      await runPostDeploy(await instancesOf(deployment, task), deps, task, { afterRepair: true });
      return `${resolved} resolved`;
    });
  };
}

/** What somebody believes to be dead gets another VM if it is. Nobody is asked, so nothing else is looked at. */
function scanAndFix(deps: DeployDeps, options: ProblemOptions): TaskHandler {
  return (task) => {
    const { deployment, jobs } = task.task.args as ScanAndFixArgs;
    return withLockAtOnce(deployment, task, async () => {
      const named = instancesNamed(await instancesOf(deployment, task), jobs, task);
      const wanted = named.filter(({ disks }) => options.fixesStateful || !disks.some(({ active }) => active));
      const problems = (await leftOver(wanted, task)) ?? (await found(wanted, { deps, task }));
      const choices: Choices = { resolutions: new Map(problems.map((problem) => [problem.id, 'recreate_vm'])) };
      const { resolved, errors } = await new ProblemResolver(deployment, deps, task).apply(problems, choices);
      if (resolved > 0) await runPostDeploy(await instancesOf(deployment, task), deps, task, { afterRepair: true });
      if (errors.length > 0) throw notResolved(errors);
      return 'scan and fix complete';
    });
  };
}

/** Scans, and puts what is found in the place of what was open of these instances. */
async function found(instances: readonly Instance[], io: ScanIo): Promise<Problem[]> {
  const { deps, task } = io;
  const { deployment } = task.task.args as ScanAndFixArgs;
  const { problems } = await scanVms(instances, io);
  const resources = instances.map((instance) => instance.id);
  const nowMs = deps.clock.now();
  return task.store.problems.replace(id<DeploymentName>(deployment), problems, { resources, nowMs });
}

/**
 * What an earlier run of the task has found and not come to the end with: the agent of a VM that it has made may answer
 * already, and has no jobs yet. Undefined: nothing.
 */
async function leftOver(instances: readonly Instance[], { task, store }: TaskContext): Promise<Problem[] | undefined> {
  const { deployment } = task.args as ScanAndFixArgs;
  const { attempts, startedAtMs } = task;
  if (attempts < 2 || startedAtMs === null) return undefined;
  const own = new Set<string>(instances.map((instance) => instance.id));
  const open = await store.problems.open(deployment);
  const left = open.filter(({ createdAtMs, resource }) => createdAtMs >= startedAtMs && own.has(resource));
  return left.length === 0 ? undefined : left;
}

async function instancesOf(deployment: string, { store }: TaskContext): Promise<Instance[]> {
  if ((await store.deployments.get(deployment)) === undefined) throw gone(deployment);
  return store.instances.ofDeployment(deployment);
}

/** One that is not there any more keeps nobody from repairing the others. */
function instancesNamed(instances: readonly Instance[], jobs: ScanAndFixArgs['jobs'], task: TaskContext): Instance[] {
  const found = new Set<Instance>();
  const byName = new Map(
    instances.flatMap((instance) => [
      [instanceLabel(instance), instance],
      [`${instance.group}/${instance.index}`, instance],
    ]),
  );
  const names = Object.entries(jobs).flatMap(([group, list]) => list.map((each) => `${group}/${each}`));
  const unknown = names.filter((name) => !byName.has(name));
  if (unknown.length > 0 && unknown.length === names.length) throw noneThere(unknown);
  if (unknown.length > 0) task.events.warning(`there is no instance ${unknown.join(', ')} any more`);
  for (const name of names) {
    const instance = byName.get(name);
    if (instance !== undefined) found.add(instance);
  }
  return [...found];
}

/** Who looks for problems while a deploy is at work would find its half-done things. */
async function withLockAtOnce<T>(deployment: string, task: TaskContext, work: () => Promise<T>): Promise<T> {
  const lock = `lock:deployment:${deployment}`;
  try {
    return await task.withLock(lock, 0, work);
  } catch (thrown) {
    if (!(thrown instanceof OperatorError && thrown.code === 'lock-timeout' && thrown.details['lock'] === lock))
      throw thrown;
    throw new OperatorError('Unable to get deployment lock, maybe a deployment is in progress. Try again later.', {
      code: 'lock-timeout',
      hint: thrown.hint ?? '',
      retryable: true,
      details: thrown.details,
      cause: thrown,
    });
  }
}

function notResolved(errors: readonly string[]): OperatorError {
  return new OperatorError(errors.join('\n'), {
    code: 'problems-not-resolved',
    hint: 'Run `bosh cloud-check` again: it looks anew, and what was done is not done again.',
    details: { errors },
  });
}

function noneThere(names: readonly string[]): OperatorError {
  return new OperatorError(`there is no instance ${names.join(', ')}`, {
    code: 'instance-not-found',
    hint: 'It was deleted meanwhile, or never was: `bosh instances` lists what is there.',
    details: { names },
  });
}
