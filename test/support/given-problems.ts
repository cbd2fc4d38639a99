import { expect } from 'vitest';
import type { VirtualClock } from '../../common/clock.ts';
import { id } from '../../common/ids.ts';
import type { ApplyResolutionsArgs, ScanAndFixArgs } from '../../director/problems/args.ts';
import { problemDescriber } from '../../director/problems/describe.ts';
import { deleteVm } from '../../director/artifacts/delete-vm.ts';
import type { ArtifactDeps } from '../../director/artifacts/deps.ts';
import { deleteInstanceVm } from '../../director/deploy/delete-instance-vm.ts';
import { cloudConfigOf, givenDirector, webTier, type GenerationOptions } from './given-director.ts';
import { patientClock } from './real-work.ts';
import { newTask } from './task-world.ts';

/** A deployment that runs, in virtual time, whose machines and disks may be taken away behind the director's back. */
export async function givenDeployed({
  manifest = webTier({ instances: 3, disk: true }),
  clock = patientClock(),
  fixesStateful = true,
}: { manifest?: string; clock?: VirtualClock; fixesStateful?: boolean } = {}) {
  const director = await givenDirector({ clock, fixesStateful, otherHandlers: deletingVms });
  await director.upload();
  await director.uploadStemcell();
  await director.cloudConfig(cloudConfigOf());
  const deploy = (text = manifest, options = {}) => clock.runUntil(director.deploy(text, options));
  expect(await deploy()).toMatchObject({ state: 'done' });

  const { store, cpi, machines } = director;
  const run = async (type: string, args: unknown) => {
    const task = newTask(type, { args, deployment: id('web') });
    return clock.runUntil(director.engine.enqueue(task).then((queued) => director.ended(queued)));
  };
  const instances = () => store.instances.ofDeployment('web');
  const instance = async (index: number) => {
    const found = (await instances()).find((each) => each.index === index);
    if (found === undefined) throw new Error(`there is no web/${index}`);
    return { ...found, label: `${found.group}/${found.id}` };
  };
  const machineOf = async (index: number) => {
    const cid = (await instance(index)).vms.find(({ active }) => active)?.cid;
    const agent = cid == null ? undefined : machines.agent(cid);
    if (cid == null || agent === undefined) throw new Error(`web/${index} has no machine`);
    return { cid, agent };
  };
  return {
    ...director,
    director,
    manifest,
    clock,
    deploy,
    instances,
    instance,
    machineOf,
    /** The agent stops to answer, and the VM stays. */
    die: async (index: number) => (await machineOf(index)).agent.die(),
    /** Somebody deletes the VM on the infrastructure. */
    loseVm: async (index: number) => cpi.deleteVm((await machineOf(index)).cid),
    loseDisk: async (index: number) => {
      const [disk] = (await instance(index)).disks;
      if (disk?.cid == null) throw new Error(`web/${index} has no disk`);
      await cpi.detachDisk((await machineOf(index)).cid, disk.cid);
      await cpi.deleteDisk(disk.cid);
      return disk.cid;
    },
    scan: () => run('cck_scan', { deployment: 'web' }),
    enqueueScan: () =>
      clock.runUntil(
        director.engine.enqueue(newTask('cck_scan', { args: { deployment: 'web' }, deployment: id('web') })),
      ),
    scanAndFix: (jobs: ScanAndFixArgs['jobs']) => run('cck_scan_and_fix', { deployment: 'web', jobs }),
    /** As clients see them. */
    problems: async () => {
      const describe = problemDescriber(await instances());
      return (await store.problems.open('web')).map((problem) => ({
        id: problem.id,
        type: problem.type,
        description: describe(problem).description,
      }));
    },
    apply: (
      resolutions: ApplyResolutionsArgs['resolutions'],
      maxInFlightOverrides: ApplyResolutionsArgs['maxInFlightOverrides'] = {},
    ) => run('cck_apply', { deployment: 'web', resolutions, maxInFlightOverrides }),
    /** The same for every open problem. */
    applyToAll: async (resolution: string | null) => {
      const open = await store.problems.open('web');
      return run('cck_apply', {
        deployment: 'web',
        resolutions: Object.fromEntries(open.map((problem) => [problem.id, resolution])),
        maxInFlightOverrides: {},
      });
    },
    deleteVm: (name: string) => run('delete_vm', { name }),
    close: () => clock.runUntil(director.close()),
  };
}

const deletingVms: NonNullable<GenerationOptions['otherHandlers']> = ({ deploy, cpis }) => ({
  delete_vm: deleteVm({ cpis, deleteInstanceVm: deleteInstanceVm(deploy) } as ArtifactDeps), // it uses no more of them
});

/** `stage: task` of what a task's event output says has finished. */
export function told(events: string): string[] {
  return events.split('\n').flatMap((line) => {
    const event = line === '' ? {} : (JSON.parse(line) as { stage?: string; task?: string; state?: string });
    return event.state === 'finished' ? [`${event.stage}: ${event.task}`] : [];
  });
}

/** How many steps of a stage ran side by side. */
export function mostAtOnce(events: string): number {
  let [running, most] = [0, 0];
  for (const [, state] of events.matchAll(/"stage":"Applying problem resolutions".*?"state":"(\w+)"/g)) {
    if (state === 'started') most = Math.max(most, ++running);
    if (state === 'finished' || state === 'failed') running--;
  }
  return most;
}
