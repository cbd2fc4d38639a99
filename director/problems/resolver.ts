import pLimit from 'p-limit';
import { messageOf, OperatorError } from '../../common/errors.ts';
import type { InstanceId } from '../../common/ids.ts';
import { groupBy } from '../../common/group-by.ts';
import { maxInFlightOf, parseAmount, resolveAmount } from '../../manifests/update-policy.ts';
import type { DeployDeps } from '../deploy/deploy-deps.ts';
import { formerDeployment, type FormerDeployment } from '../deploy/former-work.ts';
import { variablesOfHalfMade } from '../deploy/variables/half-made.ts';
import { inParallel } from '../execute/in-parallel.ts';
import { bareWork } from '../execute/work.ts';
import { isStoreTrouble } from '../store/errors.ts';
import type { Problem } from '../store/problems.ts';
import type { Stage, TaskContext } from '../tasks/task-context.ts';
import { problemDescriber, type DescribedProblem } from './describe.ts';
import { kinds, planOf } from './kinds.ts';
import { RepairRefused } from './repair-io.ts';
import { repairOf } from './repairs.ts';

/** What was chosen. */
export interface Choices {
  /** By the problem's id; null: what its kind has for it. */
  resolutions: ReadonlyMap<number, string | null>;
  /** By instance group. */
  maxInFlightOverrides?: Readonly<Record<string, string>>;
}

export interface Outcome {
  resolved: number;
  /** One for each problem that could not be dealt with as chosen. */
  errors: string[];
}

/** Problems of one instance, which are dealt with one after the other; of none: what they were about is gone. */
interface Queue {
  instance: InstanceId | null;
  problems: readonly Problem[];
}

/**
 * Does what was chosen about problems of a deployment, while the task holds its lock. One that fails keeps no other
 * from being tried; it stays open.
 */
export class ProblemResolver {
  readonly #deps: DeployDeps;
  readonly #task: TaskContext;
  readonly #deployment: string;
  readonly #outcome: Outcome = { resolved: 0, errors: [] };
  readonly #limit;
  #former: Promise<FormerDeployment> | undefined;

  constructor(deployment: string, deps: DeployDeps, task: TaskContext) {
    this.#deployment = deployment;
    this.#deps = deps;
    this.#task = task;
    this.#limit = pLimit(deps.settings.vmsAtOnceMax);
  }

  async apply(problems: readonly Problem[], choices: Choices): Promise<Outcome> {
    const stage = this.#task.events.stage('Applying problem resolutions', problems.length);
    const describe = problemDescriber(await this.#task.store.instances.ofDeployment(this.#deployment));
    const byGroup = groupBy(problems, (problem) => describe(problem).group);
    const inQueue = (queue: Queue) => this.#limit(() => this.#each(queue, { stage, choices }));
    for (const batch of await this.#batches(problems.length, [...byGroup.keys()])) {
      await inParallel(batch, batch.length, async (group) => {
        const own = byGroup.get(group) ?? [];
        const queues = groupBy(own, (problem) => describe(problem).instance?.id ?? null);
        const all = [...queues].map(([instance, list]): Queue => ({ instance, problems: list }));
        await inParallel(all, await this.#maxInFlight(group, own.length, choices), inQueue);
      });
    }
    return this.#outcome;
  }

  /** As a deploy updates them: neighbours that are not serial together, and after all those that it does not know. */
  async #batches(problems: number, groups: readonly string[]): Promise<string[][]> {
    if (problems < 2) return groups.map((group) => [group]);
    const { wanted } = await this.#formerDeployment();
    const batches: string[][] = [];
    let parallel = false;
    for (const { group } of wanted?.groups ?? []) {
      const { serial } = group.update;
      if (!serial && parallel) batches.at(-1)?.push(group.name);
      else batches.push([group.name]);
      parallel = !serial;
    }
    const known = new Set(batches.flat());
    const present = batches.map((batch) => batch.filter((group) => groups.includes(group)));
    return [...present, ...groups.filter((group) => !known.has(group)).map((group) => [group])];
  }

  async #maxInFlight(group: string, size: number, { maxInFlightOverrides = {} }: Choices): Promise<number> {
    if (size < 2) return 1;
    const override = Object.hasOwn(maxInFlightOverrides, group) ? maxInFlightOverrides[group] : undefined;
    const amount = override === undefined ? undefined : parseAmount(override);
    if (amount !== undefined) return Math.max(1, resolveAmount(amount, size));
    const { wanted } = await this.#formerDeployment();
    const policy = wanted?.groups.find((candidate) => candidate.group.name === group)?.group.update;
    return policy === undefined ? 1 : maxInFlightOf(policy, size);
  }

  async #each({ instance, problems }: Queue, at: { stage: Stage; choices: Choices }): Promise<void> {
    for (const problem of problems) {
      this.#task.checkpoint();
      // Anew each time: the problem before may have changed things.
      const now = instance === null ? undefined : await this.#task.store.instances.get(instance);
      const found = problemDescriber(now === undefined ? [] : [now])(problem);
      if (problem.state === 'open') await this.#resolve(problem, found, at);
      else await at.stage.task(`Ignoring problem ${problem.id} (state is '${problem.state}')`, () => Promise.resolve());
    }
  }

  async #resolve(
    problem: Problem,
    found: DescribedProblem,
    { stage, choices }: { stage: Stage; choices: Choices },
  ): Promise<void> {
    const resolution = choices.resolutions.get(problem.id) ?? kinds[found.kind].auto;
    const plan = planOf(found.kind, resolution) ?? 'no resolution';
    try {
      await stage.task(`${found.description} (${problem.type} ${found.resource}): ${plan}`, () =>
        this.#repair(problem, found, resolution),
      );
    } catch (thrown) {
      this.#note(problem, thrown);
      if (!(thrown instanceof RepairRefused)) return;
    }
    await this.#task.store.problems.resolve(problem.id);
    this.#outcome.resolved++;
  }

  async #repair(problem: Problem, { kind, instance }: DescribedProblem, resolution: string): Promise<void> {
    const isRerun = this.#task.task.attempts > 1;
    if (kind === 'invalid_problem' && isRerun) return; // the run before has seen to it
    const repair = repairOf(kind, resolution);
    if (instance === null) return;
    if (instance.ignore) throw new RepairRefused('The instance is ignored, skipping resolution');
    const { deployment } = instance;
    const deps = { deps: this.#deps, task: this.#task, force: false };
    try {
      const variables = await variablesOfHalfMade(deployment, [instance], deps);
      await repair({
        ...this.#deps,
        task: this.#task,
        work: { ...bareWork(instance), variables },
        problem,
        former: async () => (await this.#formerDeployment()).workOf(instance),
      });
    } catch (thrown) {
      // What an earlier run has begun may be what brought it back.
      if (!(isRerun && thrown instanceof RepairRefused)) throw thrown;
      this.#task.debug(`problem ${problem.id}: ${thrown.message}`);
    }
  }

  /** @throws what is no failure of the repair: the task's end, a database that cannot be written */
  #note(problem: Problem, thrown: unknown): void {
    this.#task.signal.throwIfAborted();
    if (thrown instanceof OperatorError && isStoreTrouble(thrown)) throw thrown;
    if (!(thrown instanceof OperatorError))
      this.#task.log.error('repair-failed', {
        problem: problem.id,
        error: thrown instanceof Error ? thrown.stack : String(thrown),
      });
    this.#outcome.errors.push(`Error resolving problem '${problem.id}': ${messageOf(thrown)}`);
  }

  /** Looked up when it is first needed, once. */
  #formerDeployment(): Promise<FormerDeployment> {
    return (this.#former ??= formerDeployment(this.#deployment, this.#deps, this.#task));
  }
}
