import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AgentMethods } from '../../../../agent/protocol.ts';
import { id, type AgentId, type BlobId } from '../../../../common/ids.ts';
import { OperatorError } from '../../../../common/errors.ts';
import { compilePackages, type CompileDeps } from '../../../../director/compile/compile-packages.ts';
import { requirementsOf } from '../../../../director/compile/requirements.ts';
import type { CompiledPackage, ReleasePackage } from '../../../../director/store/releases.ts';
import { demand, stemcell } from '../../../support/compile-packages.ts';
import { newTask, taskWorld } from '../../../support/task-world.ts';

type Compiling = AgentMethods['compile_package'];

/** Of virtual time: what compiling any package takes. */
const compileMs = 1000;

let world: Awaited<ReturnType<typeof taskWorld>>;
let packages: Map<string, ReleasePackage>;
let workersMax: number;
let log: string[];
let refsOf: Map<string, Compiling['arguments'][4]>;
let failing: string | null;
let result: Map<string, CompiledPackage>;
/** Runs in the task, after the requirements were found. */
let meanwhile: () => Promise<void>;

beforeEach(async () => {
  [workersMax, log, refsOf, failing, result, meanwhile] = [2, [], new Map(), null, new Map(), () => Promise.resolve()];
  let machines = 0;
  const agents: CompileDeps['agents'] = {
    call: async (_agentId, method, args, options) => {
      expect(method).toBe('compile_package');
      const [, , name, version, refs] = args as Compiling['arguments']; // as expected above
      refsOf.set(name, refs);
      log.push(`+${name} ${version}`);
      await world.clock.sleep(compileMs);
      log.push(`-${name}`);
      if (name === failing)
        throw new OperatorError(`${options?.label}: ${name} does not compile`, { code: 'agent-exception' });
      const blob = { blobstore_id: `00000000-0000-4000-8000-${name.padStart(12, '0')}`, sha1: `sha1-of-${name}` };
      return { result: blob } as never; // the result of compile_package
    },
  };
  const pool: CompileDeps['machines'] = {
    get workersMax() {
      return workersMax;
    },
    withMachine: (_stemcell, work) => work({ agentId: id<AgentId>(`agent-${++machines}`), label: 'compilation/1' }),
    deleteAll: () => Promise.resolve(void log.push('deleteAll')),
  };
  world = await taskWorld({
    compile: async (task) => {
      const compiled = await task.store.releases.compiledFor([...packages.values()].map((pkg) => pkg.id));
      const requirements = requirementsOf([demand(packages, [...packages.keys()])], compiled);
      await meanwhile();
      result = await compilePackages(requirements, { task, agents, machines: pool });
      return null;
    },
  });
});
afterEach(() => world.close());

/** Names are hexadecimal digits: they become part of a blob's id. */
async function givenRelease(dependencies: Record<string, string[]>): Promise<void> {
  const { releases } = world.store;
  const of = { name: 'web', version: '1', commitHash: 'c', uncommittedChanges: false };
  const release = await releases.begin(of);
  for (const [name, needs] of Object.entries(dependencies)) {
    const version = `${name}-v`;
    const blobId = id<BlobId>(`source-${name}`);
    const pkg = { name, version, fingerprint: version, blobId, digest: 'sha1', dependencies: needs };
    await releases.addPackage(release.id, pkg);
  }
  await releases.complete(release.id);
  const contents = await releases.contents('web', '1');
  packages = new Map(contents?.packages.map((pkg) => [pkg.name, pkg]));
}

async function compile() {
  const engine = world.engine('one');
  await engine.start();
  const { id: task } = await engine.enqueue(newTask('compile'));
  await world.idle(engine);
  return world.task(task);
}

const begun = () => log.filter((line) => line.startsWith('+')).map((line) => line.slice(1, 2));
const at = (line: string) => log.findIndex((each) => each.startsWith(line));

test('each package begins as soon as all that it depends on is there, on as many machines as may be', async () => {
  await givenRelease({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'], e: [] });
  expect(await compile()).toMatchObject({ state: 'done' });
  expect(begun().slice(0, 2).sort()).toEqual(['a', 'e']); // those that wait for nothing
  for (const [name, needs] of [
    ['b', 'a'],
    ['c', 'a'],
    ['d', 'b'],
    ['d', 'c'],
  ] as const)
    expect(at(`+${name}`), `${name} after ${needs}`).toBeGreaterThan(at(`-${needs}`));
  const running = log.map((_, i) => {
    const soFar = log.slice(0, i + 1);
    return soFar.filter((line) => line.startsWith('+')).length - soFar.filter((line) => line.startsWith('-')).length;
  });
  expect(Math.max(...running.slice(0, -1))).toBe(2);
  expect(log.at(-1)).toBe('deleteAll');
  expect([...result.values()].map(({ digest }) => digest).sort()).toEqual('abcde'.split('').map((n) => `sha1-of-${n}`));
});

test('an agent is given the direct dependencies in their compiled form', async () => {
  await givenRelease({ a: [], b: ['a'], c: ['b'] });
  await compile();
  expect(Object.keys(refsOf.get('a') ?? {})).toEqual([]);
  expect(refsOf.get('c')).toEqual({
    b: { name: 'b', version: 'b-v.1', sha1: 'sha1-of-b', blobstore_id: '00000000-0000-4000-8000-00000000000b' },
  });
});

test('nothing new begins after a failure; what was compiled until then is kept for the next try', async () => {
  await givenRelease({ a: [], b: [], c: ['a'], d: ['b'] });
  failing = 'a';
  expect(await compile()).toMatchObject({
    state: 'error',
    result: 'a of release web/1, on compilation/1: a does not compile',
  });
  expect(begun().sort()).toEqual(['a', 'b']);
  expect(log.at(-1)).toBe('deleteAll');

  [failing, log] = [null, []];
  expect(await compile()).toMatchObject({ state: 'done' });
  expect(begun().sort()).toEqual(['a', 'c', 'd']);
});

test('what another task has compiled meanwhile is used', async () => {
  await givenRelease({ a: [] });
  const theirs = {
    packageId: packages.get('a')?.id ?? 0,
    stemcellOs: stemcell().os,
    stemcellVersion: stemcell().version,
    dependencyKey: '[]',
    blobId: id<BlobId>('their-blob'),
    digest: 'theirs',
  };
  meanwhile = async () => void (await world.store.releases.addCompiled(theirs));
  expect(await compile()).toMatchObject({ state: 'done' });
  expect(begun()).toEqual([]);
  expect([...result.values()]).toMatchObject([{ digest: 'theirs' }]);
});

test('builds of a package on a stemcell count on, whatever each was compiled against', async () => {
  await givenRelease({ a: [] });
  await world.store.releases.addCompiled({
    packageId: packages.get('a')?.id ?? 0,
    stemcellOs: stemcell().os,
    stemcellVersion: stemcell().version,
    dependencyKey: '[["former","1"]]',
    blobId: id<BlobId>('former'),
    digest: 'former',
  });
  await compile();
  expect(log[0]).toBe('+a a-v.2');
});

test('when there is nothing to compile, no stage is told and no machine asked for', async () => {
  await givenRelease({ a: [] });
  await compile();
  log = [];
  const again = await compile();
  expect(log).toEqual([]);
  expect(await world.output(again.id, 'event')).toBe('');
});
