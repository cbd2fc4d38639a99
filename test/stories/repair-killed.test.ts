import { expect, test } from 'vitest';
import { id, type DeploymentName, type TaskId } from '../../common/ids.ts';
import { terminalStates, type NewTask, type Task } from '../../director/store/tasks.ts';
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
import { patientClock } from '../support/real-work.ts';
import { newTask } from '../support/task-world.ts';

// Directors that are killed with -9 in the middle of a repair: at every eleventh call to the outside, before it or after
// its effect. The next one goes on with the task.

const stride = 11;
const taskMsMax = 30 * 60_000;
/** More calls than a repair of one instance makes. */
const momentsMax = 1_000;

async function ended(world: World, task: TaskId): Promise<Task> {
  for (const endMs = world.clock.now() + taskMsMax; world.clock.now() < endMs; await world.clock.sleep(250)) {
    const found = await world.store.tasks.get(task);
    if (found !== undefined && terminalStates.has(found.state)) return found;
  }
  throw new Error(`task ${task} has not ended`);
}

/** @returns whether the director was killed by then */
async function repairKilledAfter(moments: number, repair: (world: World) => Promise<NewTask>): Promise<boolean> {
  const clock = patientClock();
  return clock.runUntil(
    (async () => {
      const world = await openWorld({ clock });
      const next = async (name: string) => {
        const life = new Life();
        return { life, ...(await startGeneration(reachOf(world, life), name)) };
      };
      const first = await next('first');
      await uploadRelease(world);
      await uploadStemcell(world);
      await uploadCloudConfig(world, cloudConfigOf());
      const { id: deploy } = await enqueueDeploy(world, first.engine, webTier({ instances: 1, disk: true }));
      expect(await ended(world, deploy)).toMatchObject({ state: 'done' });
      const [before] = await world.store.instances.ofDeployment('web');
      const lost = before?.vms[0]?.cid;
      if (before === undefined || lost == null) throw new Error('one was deployed');
      world.machines.agent(lost)?.die();

      const { id: task } = await first.engine.enqueue(await repair(world));
      first.life.killAfter(moments);
      const outcome = await Promise.race([first.life.death.then(() => 'killed'), ended(world, task)]);
      if (outcome === 'killed') await next('second');
      expect(await ended(world, task)).toMatchObject({ state: 'done' });

      const [after] = await world.store.instances.ofDeployment('web');
      expect(after).toMatchObject({ disks: before.disks, ips: before.ips, updateCompleted: true, state: 'started' });
      expect(after?.vms).toMatchObject([{ active: true, state: 'live' }]);
      expect(world.cpi.inventory().vms.map(({ cid }) => cid)).toEqual(after?.vms.map(({ cid }) => cid));
      expect(after?.vms[0]?.cid).not.toBe(lost);
      expect(world.machines.agent(after?.vms[0]?.cid ?? lost)?.state).toMatchObject({
        jobState: 'started',
        mounts: { store: before.disks[0]?.cid },
      });
      expect(await world.store.problems.open('web')).toEqual([]);
      return outcome === 'killed';
    })(),
  );
}

async function killedEverywhere(repair: (world: World) => Promise<NewTask>): Promise<void> {
  let killed = 0;
  for (let moments = 0; moments < momentsMax; moments += stride, killed++)
    if (!(await repairKilledAfter(moments, repair))) break;
  expect(killed).toBeGreaterThan(5);
}

const web = id<DeploymentName>('web');

test(
  'a repair that nobody asked for ends with one VM that runs on the disk, wherever its director is killed',
  () =>
    killedEverywhere(async ({ store }) => {
      const [instance] = await store.instances.ofDeployment('web');
      const args = { deployment: 'web', jobs: { web: [instance?.id] } };
      return newTask('cck_scan_and_fix', { args, deployment: web });
    }),
  120_000,
);

test(
  'so does one that was chosen after a scan',
  () =>
    killedEverywhere(async ({ store, clock }) => {
      const [instance] = await store.instances.ofDeployment('web');
      const resource = instance?.id ?? '';
      const agentId = instance?.vms[0]?.agentId ?? null;
      const found = { type: 'unresponsive_agent', resource, agentId, data: {} } as const;
      const [problem] = await store.problems.replace(web, [found], { nowMs: clock.now() });
      const resolutions = { [String(problem?.id)]: 'recreate_vm' };
      return newTask('cck_apply', {
        args: { deployment: 'web', resolutions, maxInFlightOverrides: {} },
        deployment: web,
      });
    }),
  120_000,
);
