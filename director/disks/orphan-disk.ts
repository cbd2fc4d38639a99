import { messageOf } from '../../common/errors.ts';
import { id, type DiskCid } from '../../common/ids.ts';
import { deploymentLockWaitMs } from '../deploy/deploy-deps.ts';
import { detach } from '../execute/effects/disk-attachment.ts';
import { orphan } from '../execute/effects/disks.ts';
import { bareWork, type ExecuteDeps, type StepIo } from '../execute/work.ts';
import { reportOf } from '../observe/observe.ts';
import { activeVm } from '../plan/actual.ts';
import type { PersistentDisk } from '../store/instances.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import type { OrphanDiskArgs } from './args.ts';

/** `bosh orphan-disk` of one that an instance has. As in BOSH, nobody asks whether its jobs run. */
export function orphanDisk(deps: ExecuteDeps): TaskHandler {
  return async (task) => {
    const cid = id<DiskCid>((task.task.args as OrphanDiskArgs).diskCid); // the API has checked it
    const stage = task.events.stage('Orphan disk', 1);
    await stage.task(cid, async () => {
      if (!(await orphanOfInstance(cid, deps, task)))
        task.events.warning(`Disk ${cid} does not exist. Orphaning is skipped`);
    });
    return `disk ${cid} orphaned`;
  };
}

/** @returns whether some instance had it */
async function orphanOfInstance(cid: DiskCid, deps: ExecuteDeps, task: TaskContext): Promise<boolean> {
  const { instances } = task.store;
  const owner = (await instances.diskByCid(cid))?.instanceId;
  const deployment = owner === undefined ? undefined : (await instances.get(owner))?.deployment;
  if (owner === undefined || deployment === undefined) return false;
  return task.withLock(`lock:deployment:${deployment}`, deploymentLockWaitMs, async () => {
    const instance = await instances.get(owner);
    const disk = instance?.disks.find((candidate) => candidate.cid === cid);
    if (instance === undefined || disk === undefined) return false; // gone while we waited
    const io: StepIo = { ...deps, task, work: bareWork(instance) };
    await takeOff(io, disk);
    await orphan(io, disk);
    return true;
  });
}

/** Nothing may be taken from under jobs that run, and an agent that is silent can take nothing off. */
async function takeOff(io: StepIo, disk: PersistentDisk): Promise<void> {
  const { instance, label } = io.work;
  const vm = activeVm(instance);
  if (vm === null) return;
  const stays = (why: string) =>
    io.task.events.warning(
      `Disk ${disk.cid} stays attached to ${label}, ${why}, until the VM is recreated or the next deploy takes it off`,
    );
  const report = await reportOf(instance, vm.agentId, { agents: io.agents, signal: io.task.signal });
  if (report.kind !== 'answered') return stays('whose agent does not answer');
  if (report.state.job_state === 'running') return stays('whose jobs run');
  try {
    await detach(io, disk);
  } catch (thrown) {
    io.task.signal.throwIfAborted();
    stays(`which could not let go of it (${messageOf(thrown)})`);
  }
}
