import pLimit from 'p-limit';
import { OperatorError } from '../../common/errors.ts';
import { id, type BlobId } from '../../common/ids.ts';
import type { PackageRef } from '../../agent/protocol.ts';
import type { CompiledPackage } from '../store/releases.ts';
import type { TaskContext } from '../tasks/task-context.ts';
import type { CompilationMachines } from './machines.ts';
import type { Requirement } from './requirements.ts';
import type { Agents } from '../bus/agents.ts';

/** Another task may be compiling the same package: it is waited for, and its result used. BOSH: 15 minutes. */
const compileLockWaitMs = 15 * 60_000;

export interface CompileDeps {
  task: TaskContext;
  agents: Pick<Agents, 'call'>;
  machines: Pick<CompilationMachines, 'workersMax' | 'withMachine' | 'deleteAll'>;
}

/**
 * Compiles what has no compiled form yet, each package as soon as everything that it depends on is there, on as many
 * machines as the cloud config's `compilation` allows.
 * @returns the compiled form of every requirement, by its key
 */
export async function compilePackages(
  requirements: ReadonlyMap<string, Requirement>,
  { task, agents, machines }: CompileDeps,
): Promise<Map<string, CompiledPackage>> {
  const done = new Map<string, CompiledPackage>();
  for (const [key, { compiled }] of requirements) if (compiled !== null) done.set(key, compiled);
  const waiting = [...requirements.values()].filter(({ compiled }) => compiled === null);
  if (waiting.length === 0) return done;

  const stage = task.events.stage('Compiling packages', waiting.length);
  const limit = pLimit(machines.workersMax);
  const begun = new Map<string, Promise<void>>();
  let failure: { thrown: unknown } | undefined;

  const compile = (requirement: Requirement): Promise<void> => {
    const already = begun.get(requirement.key);
    if (already !== undefined) return already;
    const work = (async () => {
      if (requirement.compiled !== null) return;
      await Promise.all(requirement.dependencies.map(compile));
      await limit(async () => {
        if (failure !== undefined) return; // nothing new begins after a failure
        try {
          task.checkpoint();
          await stage.task(`${requirement.pkg.name}/${requirement.pkg.fingerprint}`, async () => {
            done.set(requirement.key, await compileOne(requirement, done, { task, agents, machines }));
          });
        } catch (thrown) {
          failure ??= { thrown };
        }
      });
    })();
    begun.set(requirement.key, work);
    return work;
  };
  try {
    await Promise.all(waiting.map(compile));
  } finally {
    await machines.deleteAll();
  }
  if (failure !== undefined) throw failure.thrown;
  return done;
}

async function compileOne(
  { pkg, release, stemcell, dependencyKey, dependencies }: Requirement,
  done: ReadonlyMap<string, CompiledPackage>,
  { task, agents, machines }: CompileDeps,
): Promise<CompiledPackage> {
  const lock = `lock:compile:${pkg.id}:${stemcell.os}/${stemcell.version}`;
  return task.withLock(lock, compileLockWaitMs, async () => {
    const others = await task.store.releases.compiledFor([pkg.id]);
    const meanwhile = others.find(
      (one) =>
        one.stemcellOs === stemcell.os &&
        one.stemcellVersion === stemcell.version &&
        one.dependencyKey === dependencyKey,
    );
    if (meanwhile !== undefined) return meanwhile;
    const { blobId, digest } = pkg;
    if (blobId === null || digest === null) throw new Error(`package ${pkg.name} has no source`); // requirementsOf refuses that
    const build =
      others.filter((one) => one.stemcellOs === stemcell.os && one.stemcellVersion === stemcell.version).length + 1;
    const refs = Object.fromEntries(
      dependencies.map((dependency) => [dependency.pkg.name, packageRef(dependency, done)]),
    );
    const answer = await machines.withMachine(stemcell, async ({ agentId, label }) => {
      const { result } = await agents.call(
        agentId,
        'compile_package',
        [blobId, digest, pkg.name, `${pkg.version}.${build}`, refs],
        { label: `${pkg.name} of release ${release.name}/${release.version}, on ${label}`, signal: task.signal },
      );
      return result;
    });
    return task.store.releases.addCompiled({
      packageId: pkg.id,
      stemcellOs: stemcell.os,
      stemcellVersion: stemcell.version,
      dependencyKey,
      blobId: blobIdOf(answer.blobstore_id, pkg.name),
      digest: answer.sha1,
    });
  });
}

function blobIdOf(text: string, pkg: string): BlobId {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return id<BlobId>(text);
  throw new OperatorError(
    `the agent that compiled "${pkg}" answered with "${text.slice(0, 80)}", which is no blob id`,
    {
      code: 'compile-answer-malformed',
      hint: 'The agent of this stemcell does not speak the protocol. Use another stemcell.',
      details: { boshCode: 430004, package: pkg },
    },
  );
}

/** What the agent is told of a compiled package. */
export function packageRef({ key, pkg }: Requirement, done: ReadonlyMap<string, CompiledPackage>): PackageRef {
  const compiled = done.get(key);
  if (compiled === undefined) throw new Error(`package ${pkg.name} is needed before it is compiled`);
  return {
    name: pkg.name,
    version: `${pkg.version}.${compiled.build}`,
    sha1: compiled.digest,
    blobstore_id: compiled.blobId,
  };
}
