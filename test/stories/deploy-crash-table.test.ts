import { expect, test } from 'vitest';
import type { AgentMethod } from '../../agent/protocol.ts';
import type { VirtualClock } from '../../common/clock.ts';
import type { CpiMethod } from '../../cpi/memory/faults.ts';
import { cloudConfigOf, givenDirector, webTier } from '../support/given-director.ts';
import { patientClock } from '../support/real-work.ts';

/** Every call that the effects of a deploy make, of which some change something. */
const cpiMethods: readonly CpiMethod[] = [
  'createVm',
  'deleteVm',
  'setVmMetadata',
  'createDisk',
  'attachDisk',
  'setDiskMetadata',
  'detachDisk',
];
const agentMethods: readonly AgentMethod[] = [
  'prepare',
  'run_script',
  'drain',
  'stop',
  'list_disk',
  'unmount_disk',
  'remove_persistent_disk',
  'update_settings',
  'add_persistent_disk',
  'mount_disk',
  'migrate_disk',
  'apply',
  'start',
  'get_state',
];
const table = [...cpiMethods, ...agentMethods].flatMap((method) =>
  (['before', 'after'] as const).map((when) => ({ method, when })),
);
const triesMax = 3;

const disksOf = (mib: number) => cloudConfigOf().replace('disk_size: 1024', `disk_size: ${mib}`);

type Director = Awaited<ReturnType<typeof givenDirector>>;

/** What the infrastructure has and the store does not know, and the other way round. */
async function strangers({ cpi, store }: Director): Promise<string[]> {
  const rows = await store.instances.all();
  const orphans = (await store.instances.orphanedDisks()).map(({ cid }) => cid as string);
  const disks = [...rows.flatMap((row) => row.disks.map(({ cid }) => cid as string | null)), ...orphans];
  const vms = rows.flatMap((row) => row.vms.map(({ cid }) => cid as string | null));
  const there = [...cpi.inventory().vms, ...cpi.inventory().disks].map(({ cid }) => cid as string);
  const known = new Set([...vms, ...disks]);
  return [
    ...there.filter((cid) => !known.has(cid)),
    ...[...known].filter((cid) => cid === null || !there.includes(cid)),
  ].map(String);
}

async function story(method: string, when: 'before' | 'after', change: ChangeName): Promise<void> {
  const director = await givenDirector({ clock });
  try {
    await director.upload();
    await director.uploadStemcell();
    await director.uploadStemcell('2');
    await director.cloudConfig(disksOf(1024));
    expect(await director.deploy(webTier({ instances: 1, disk: true }))).toMatchObject({ state: 'done' });

    const { disk, ...shape } = changes[change];
    const wanted = webTier({ instances: 1, disk: true, ...shape });
    await director.cloudConfig(disksOf(disk));
    const isCpi = (cpiMethods as readonly string[]).includes(method);
    if (isCpi)
      director.cpi.faults.failOnce(method as CpiMethod, when); // the table has no others
    else
      for (const { cid } of director.cpi.inventory().vms)
        director.machines.agent(cid)?.faults.failOnce(method as AgentMethod, when); // as above
    let last = await director.deploy(wanted, { fix: true });
    for (let tries = 1; last.state !== 'done' && tries < triesMax; tries++)
      last = await director.deploy(wanted, { fix: true });
    expect(last).toMatchObject({ state: 'done' });

    expect(await strangers(director)).toEqual([]);
    const [instance, ...others] = await director.store.instances.ofDeployment('web');
    expect(others).toEqual([]);
    expect(instance?.vms).toMatchObject([{ active: true, state: 'live', stemcell: { version: shape.stemcell } }]);
    expect(instance?.disks).toMatchObject([{ active: true, state: 'live', sizeMib: disk }]);
    const { diskMarks } = director.machines; // nothing that jobs wrote, on whatever disk, is missing
    expect(diskMarks.on(instance?.disks[0]?.cid ?? '')).toEqual([...diskMarks.all()]);
    expect(diskMarks.all().size).toBeGreaterThan(1);
    expect(director.cpi.inventory().vms).toHaveLength(1);
    expect((await director.deploy(wanted)).events).not.toContain('Updating instance');
  } finally {
    await director.close();
  }
}

type ChangeName = keyof typeof changes;
/** The first keeps the VM and moves the data to a larger disk; the second replaces the VM and keeps the disk. */
const changes = {
  'a larger disk': { stemcell: '1', port: 81, disk: 2048 },
  'another stemcell': { stemcell: '2', port: 81, disk: 1024 },
} as const;

let clock: VirtualClock;

test.each(table)(
  '$method fails $when its effect; the next deploys come to what was wanted',
  async ({ method, when }) => {
    for (const change of Object.keys(changes) as ChangeName[]) {
      clock = patientClock();
      await clock.runUntil(story(method, when, change));
    }
  },
);
