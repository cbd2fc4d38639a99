import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { VirtualClock } from '../../common/clock.ts';
import type { StateChange } from '../../director/api/deploy-args.ts';
import type { NewTask, Task } from '../../director/store/tasks.ts';
import type { TaskEngine } from '../../director/tasks/engine.ts';
import { Artifacts } from '../simulate/artifacts.ts';
import {
  cloudConfigOf,
  enqueueDeploy,
  openWorld,
  startGeneration,
  uploadCloudConfig,
  uploadRelease,
  uploadStemcell,
  webTier,
  type World,
} from '../support/given-director.ts';
import { patientClock } from '../support/real-work.ts';
import { gate } from '../support/task-world.ts';

// What is in use is not deleted: not in the middle of a deploy, and not while an instance was left as it was. And who
// begins to use something holds up nobody for longer than a look.

let [dir, clock, world, engine] = [] as unknown as [string, VirtualClock, World, TaskEngine];
let artifacts: Artifacts;
/** The deploy stands before the record of what it uses. */
let [stands, goOn] = [gate(), gate()];
/** Of releases and stemcells, at each call of the CPI. */
let heldAtCalls: string[];
/** What goes on while the CPI works out what a VM of these resources would be. */
let meanwhile: () => Promise<unknown>;

beforeEach(async () => {
  clock = patientClock();
  dir = await mkdtemp(join(tmpdir(), 'deletes-'));
  world = await openWorld({ clock });
  artifacts = new Artifacts(world, dir);
  [stands, goOn] = [gate(), gate()];
  [heldAtCalls, meanwhile] = [[], () => Promise.resolve()];
  const reach = { ...world, store: pausing(world.store), cpi: watched(world.cpi) };
  ({ engine } = await startGeneration(reach, 'only', { otherHandlers: artifacts.handlers }));
  await uploadRelease(world);
  await uploadStemcell(world);
  await uploadCloudConfig(world, cloudConfigOf());
});
afterEach(async () => {
  await clock.runUntil(engine.stop({ graceMs: 1000 }));
  await rm(dir, { recursive: true });
});

function pausing(store: World['store']): World['store'] {
  const uses: World['store']['deployments']['uses'] = async (...args) => {
    stands.open();
    await goOn.opened;
    return store.deployments.uses(...args);
  };
  return new Proxy(store, {
    get: (target, key) => {
      if (key === 'deployments') return { ...target.deployments, uses };
      if (key === 'fencedBy') return () => pausing(target); // one director: nobody takes a lease
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function watched(cpi: World['cpi']): World['cpi'] {
  return new Proxy(cpi, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        const held = (await world.store.locks.list(clock.now())).map(({ name }) => name);
        heldAtCalls.push(...held.filter((name) => /^lock:(release|stemcells):/.test(name)));
        if (key === 'calculateVmCloudProperties') await meanwhile();
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
}

const byResources = (manifest: string) =>
  manifest.replace('vm_type: small', 'vm_resources: {cpu: 1, ram: 512, ephemeral_disk_size: 1024}');

/** Deploys, and asks for the other task in the middle of it. @returns how both ended */
async function meets(other: NewTask): Promise<[Task | undefined, Task | undefined]> {
  return clock.runUntil(
    (async () => {
      const deploy = await enqueueDeploy(world, engine, webTier({ instances: 1 }));
      await stands.opened;
      const deletion = await engine.enqueue(other);
      await clock.sleep(1000);
      goOn.open();
      await engine.idle();
      return [await world.store.tasks.get(deploy.id), await world.store.tasks.get(deletion.id)];
    })(),
  );
}

test('a release that a deploy has begun to use is not deleted', async () => {
  const [deploy, deletion] = await meets(artifacts.deleteRelease('1'));
  expect(deploy).toMatchObject({ state: 'done' });
  expect(deletion).toMatchObject({ state: 'error', result: "ReleaseVersion 'web/1' is still in use by: web" });
  expect(await world.store.releases.contents('web', '1')).toBeDefined();
});

test('a stemcell that a deploy has begun to use is not deleted', async () => {
  const [deploy, deletion] = await meets(artifacts.deleteStemcell('1'));
  expect(deploy).toMatchObject({ state: 'done' });
  expect(deletion).toMatchObject({ state: 'error', result: "Stemcell 'tiny/1' is still in use by: web" });
  expect(world.cpi.inventory().stemcells).toHaveLength(1);
});

test('a clean-up of everything passes over what a deploy has begun to use', async () => {
  const [deploy, cleanUp] = await meets(artifacts.cleanUp(true));
  expect(deploy).toMatchObject({ state: 'done' });
  expect(cleanUp).toMatchObject({ state: 'done' });
  expect(await world.store.releases.contents('web', '1')).toBeDefined();
  expect(world.cpi.inventory().stemcells).toHaveLength(1);
  expect(await world.store.releases.allCompiled()).toHaveLength(1);
});

test.each(['ignored', 'stopped'])(
  'what an instance that is %s was deployed with stays until it is updated',
  async (how) => {
    goOn.open();
    const { store } = world;
    const outcomeOf = async (task: NewTask) =>
      (await clock.runUntil(engine.enqueue(task).then(async ({ id }) => (await engine.idle(), store.tasks.get(id)))))
        ?.result;
    const deploy = (version: string, stateChanges: StateChange[] = []) =>
      clock.runUntil(
        (async () => {
          const manifest = webTier({ instances: 2, version, stemcell: version });
          const { id } = await enqueueDeploy(world, engine, manifest, { stateChanges });
          await engine.idle();
          expect(await store.tasks.get(id)).toMatchObject({ state: 'done' });
        })(),
      );
    await uploadRelease(world, { version: '2' });
    await uploadStemcell(world, '2');
    const isIgnored = how === 'ignored';
    await deploy('1', isIgnored ? [] : [{ group: 'web', index: 0, state: 'stopped' }]);
    const [first] = await store.instances.ofDeployment('web');
    if (first === undefined) throw new Error('two were deployed');
    await store.instances.update(first.id, { ignore: isIgnored });

    await deploy('2');
    expect(await outcomeOf(artifacts.deleteRelease('1'))).toBe("ReleaseVersion 'web/1' is still in use by: web");
    expect(await outcomeOf(artifacts.deleteStemcell('1'))).toBe("Stemcell 'tiny/1' is still in use by: web");

    await store.instances.update(first.id, { ignore: false });
    await deploy('2', [{ group: 'web', index: 0, state: 'started' }]);
    expect(await outcomeOf(artifacts.deleteRelease('1'))).toBe('/release/web');
    expect(await outcomeOf(artifacts.deleteStemcell('1'))).toBe('/stemcells/tiny/1');
  },
);

test('an upload does not wait for a deploy whose CPI takes its time: no release is locked while a CPI is called', async () => {
  goOn.open();
  meanwhile = () => clock.sleep(60_000);
  const [deploy, upload] = await clock.runUntil(
    (async () => {
      const { id } = await enqueueDeploy(world, engine, byResources(webTier({ instances: 1 })));
      await clock.sleep(65_000);
      const other = await engine.enqueue(await artifacts.uploadRelease('2'));
      await engine.idle();
      return [await world.store.tasks.get(id), await world.store.tasks.get(other.id)];
    })(),
  );
  expect(upload).toMatchObject({ state: 'done' });
  expect(deploy).toMatchObject({ state: 'done' });
  expect(heldAtCalls).toEqual([]);
});

test('what was uploaded while a deploy asked its CPI is the latest that it deploys', async () => {
  goOn.open();
  let times = 0;
  meanwhile = async () => (++times === 1 ? uploadRelease(world, { version: '2' }) : undefined);
  const { id } = await enqueueDeploy(world, engine, byResources(webTier({ instances: 1, version: 'latest' })));
  await clock.runUntil(engine.idle());
  expect(await world.store.tasks.get(id)).toMatchObject({ state: 'done' });
  expect((await world.store.deployments.get('web'))?.releases).toEqual([{ name: 'web', version: '2' }]);
});

test('what was deleted while a deploy asked its CPI is missing before anything is made of it', async () => {
  goOn.open();
  meanwhile = async () => {
    await engine.enqueue(artifacts.deleteRelease('1'));
    await clock.sleep(1000);
  };
  const { id } = await enqueueDeploy(world, engine, byResources(webTier({ instances: 1 })));
  await clock.runUntil(engine.idle());
  expect(await world.store.tasks.get(id)).toMatchObject({
    state: 'error',
    result: expect.stringContaining("Release 'web' doesn't exist") as unknown,
  });
  expect(world.cpi.inventory().vms).toEqual([]);
});

test('a deploy that looks up a release while that is deleted says whose archive is gone, and what to do', async () => {
  const { release, jobs } = (await world.store.releases.contents('web', '1')) ?? expect.unreachable();
  const job = jobs[0] ?? expect.unreachable();
  await world.blobs.delete(job.blobId); // its rows go in a moment
  const { id } = await enqueueDeploy(world, engine, webTier({ instances: 1 }));
  await clock.runUntil(engine.idle());
  expect(await world.store.tasks.get(id)).toMatchObject({
    state: 'error',
    result: `the archive of job ${job.name} of release web/${release.version} is not in the blobstore`,
  });
  expect(world.cpi.inventory().vms).toEqual([]);
});
