import { expect, test } from 'vitest';
import type { MachineState } from '../../agent/platform/simulated/machine-state.ts';
import type { VirtualClock } from '../../common/clock.ts';
import type { TaskId } from '../../common/ids.ts';
import { terminalStates } from '../../director/store/tasks.ts';
import { Life, reachOf } from '../simulate/life.ts';
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
import { killingAt, type Fate } from '../support/killing.ts';
import { patientClock } from '../support/real-work.ts';

/** A disk that grows, and directors that are killed with -9 while its data moves. */
const before = 1024;
const after = 2048;
/** Of virtual time: two leases of killed directors run out, and a deploy takes a minute. */
const taskMsMax = 20 * 60_000;
const deploysMax = 3;

const disksOf = (mib: number) => cloudConfigOf().replace('disk_size: 1024', `disk_size: ${mib}`);
const wanted = webTier({ instances: 1, disk: true });

class Directors {
  readonly world: World;
  #generations = 0;

  constructor(world: World) {
    this.world = world;
  }

  /** The next run of the program: it takes up what the one before left. Without a fate it lives. */
  async next(fate?: Fate) {
    const life = new Life();
    const reach = fate === undefined ? this.world : killingAt(fate, this.world, life);
    const { engine } = await startGeneration(reachOf(reach, life), `generation-${++this.#generations}`);
    return { life, engine };
  }

  /** With a disk of the first size, deployed; and the larger one asked for, which nobody works at yet. */
  static async given(clock: VirtualClock): Promise<Directors> {
    const world = await openWorld({ clock });
    const directors = new Directors(world);
    await uploadRelease(world);
    await uploadStemcell(world);
    await uploadCloudConfig(world, disksOf(before));
    const { engine, life } = await directors.next();
    expect(await directors.ended((await enqueueDeploy(world, engine, wanted)).id)).toBe('done');
    life.kill();
    await uploadCloudConfig(world, disksOf(after));
    return directors;
  }

  async ended(id: TaskId): Promise<string> {
    const { clock, store } = this.world;
    for (const endMs = clock.now() + taskMsMax; clock.now() < endMs; await clock.sleep(250)) {
      const task = await store.tasks.get(id);
      if (task !== undefined && terminalStates.has(task.state)) return task.state;
    }
    throw new Error(`task ${id} has not ended`);
  }

  /** Each is killed where its fate says, one after the other, all at work on the same task. */
  async killed(fates: readonly Fate[]): Promise<void> {
    let task: TaskId | undefined;
    for (const fate of fates) {
      const { life, engine } = await this.next(fate);
      task ??= (await enqueueDeploy(this.world, engine, wanted)).id;
      const outcome = await Promise.race([life.death.then(() => 'killed'), this.ended(task)]);
      expect(outcome, `at ${fate.call}`).toBe('killed');
    }
  }

  /** A director that lives deploys until it is done. */
  async mended(text = wanted): Promise<void> {
    const { engine, life } = await this.next();
    let state = '';
    for (let tries = 0; state !== 'done' && tries < deploysMax; tries++)
      state = await this.ended((await enqueueDeploy(this.world, engine, text, { options: { fix: true } })).id);
    expect(state).toBe('done');
    await engine.idle();
    life.kill();
  }

  /** The disk that serves has this size and all that jobs have ever written; the other is orphaned; both are known. */
  async expectWhole(sizeMib: number): Promise<void> {
    const { store, cpi, machines } = this.world;
    const [instance] = await store.instances.ofDeployment('web');
    const [disk, ...others] = instance?.disks ?? [];
    expect(others).toEqual([]);
    expect(disk).toMatchObject({ active: true, state: 'live', sizeMib });
    const [vm] = cpi.inventory().vms;
    const mounts = vm === undefined ? undefined : machines.agent(vm.cid)?.state.mounts;
    expect(mounts).toEqual({ store: disk?.cid, migrationTarget: null });
    expect(machines.diskMarks.on(disk?.cid ?? '')).toEqual([...machines.diskMarks.all()]);
    const orphans = await store.instances.orphanedDisks();
    const there = cpi.inventory().disks.map(({ cid }) => cid as string);
    expect([disk?.cid as string, ...orphans.map(({ cid }) => cid as string)].sort()).toEqual(there.sort());
    expect(vm?.disks).toEqual([disk?.cid]);
  }

  async close(): Promise<void> {
    await this.world.bus.close();
    await this.world.cpi.close();
    await this.world.store.close();
  }
}

async function story(tell: (directors: Directors) => Promise<void>): Promise<void> {
  const clock = patientClock();
  await clock.runUntil(
    (async () => {
      const directors = await Directors.given(clock);
      await tell(directors);
      await directors.close();
    })(),
  );
}

const atEach = (call: Fate['call'], first: Fate[] = []) =>
  (['before', 'after'] as const).map((when) => [...first, { call, when }]);
const lostMigration: Fate = { call: 'migrate_disk', when: 'after' };
const deaths = [
  ...atEach('attachDisk'),
  ...atEach('add_persistent_disk'),
  ...atEach('list_disk'),
  ...atEach('mount_disk'),
  ...atEach('migrate_disk'),
  ...atEach('activate'),
  ...atEach('remove_persistent_disk'),
  ...atEach('detachDisk'),
  ...atEach('start'),
  // What follows such a death has disks to unmount.
  ...atEach('unmount_disk', [lostMigration]),
  ...atEach('mount_disk', [lostMigration]),
  ...atEach('migrate_disk', [lostMigration]),
  ...atEach('activate', [lostMigration]),
];
const named = deaths.map((fates) => ({
  fates,
  name: fates.map(({ call, when }) => `${when} ${call}`).join(', then '),
}));

test.each(named)('killed $name: the data is on the larger disk in the end', ({ fates }) =>
  story(async (directors) => {
    await directors.killed(fates);
    await directors.mended();
    await directors.expectWhole(after);
  }),
);

test.each(named)('killed $name, and the larger disk is no longer wanted: the old one serves, whole', ({ fates }) =>
  story(async (directors) => {
    await directors.killed(fates);
    await uploadCloudConfig(directors.world, disksOf(before));
    await directors.mended();
    await directors.expectWhole(before);
  }),
);

/** Where an agent that died in a migration, or whose machine was started anew, may have left the disks. */
const leftBy: Record<string, (disks: { old: string; new: string }) => MachineState['mounts']> = {
  'a copy that broke off': (disks) => ({ store: disks.old, migrationTarget: disks.new }),
  'a death after the old disk was unmounted': (disks) => ({ store: null, migrationTarget: disks.new }),
  'a death between all mounts': () => ({ store: null, migrationTarget: null }),
  'a reboot, which mounts what was mounted last': (disks) => ({ store: disks.new, migrationTarget: null }),
  'a reboot, and a director that mounted both': (disks) => ({ store: disks.new, migrationTarget: disks.old }),
  'an operator who mounted the old one beside': (disks) => ({ store: null, migrationTarget: disks.old }),
};

test.each(Object.entries(leftBy).flatMap(([by, mounts]) => [before, after].map((size) => ({ by, mounts, size }))))(
  'disks as $by left them: with $size MiB wanted, no data is lost',
  ({ mounts, size }) =>
    story(async (directors) => {
      const { world } = directors;
      await directors.killed([{ call: 'migrate_disk', when: 'before' }]); // nothing is copied
      const [instance] = await world.store.instances.ofDeployment('web');
      const cidOf = (active: boolean) => instance?.disks.find((disk) => disk.active === active)?.cid ?? '';
      const [vm] = world.cpi.inventory().vms;
      const machine = vm === undefined ? undefined : world.machines.agent(vm.cid);
      if (machine === undefined) throw new Error('no machine');
      machine.state.mounts = mounts({ old: cidOf(true), new: cidOf(false) });
      machine.remember();
      await uploadCloudConfig(world, disksOf(size));
      await directors.mended();
      await directors.expectWhole(size);
    }),
);
