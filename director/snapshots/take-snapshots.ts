import { messageOf } from '../../common/errors.ts';
import { id, type InstanceId, type SnapshotCid } from '../../common/ids.ts';
import { CpiError } from '../../cpi/errors.ts';
import { diskLock, diskLockWaitMs } from '../disks/locks.ts';
import { takeSnapshots } from '../execute/effects/snapshots.ts';
import { bareWork, type ExecuteDeps } from '../execute/work.ts';
import { activeVm, instanceLabel } from '../plan/actual.ts';
import type { Instance } from '../store/instances.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import type { CreateSnapshotArgs, DeploymentSnapshotsArgs } from './args.ts';
import { snapshotAlert } from './alert.ts';

/** `bosh take-snapshot GROUP/ID`. Its jobs may be writing meanwhile: it is not clean. */
export function createSnapshot(deps: ExecuteDeps): TaskHandler {
  return async (task) => {
    const { instanceId } = task.task.args as CreateSnapshotArgs; // the API has checked it
    const taken = await snapshotsOf(id<InstanceId>(instanceId), deps, task);
    return `snapshot(s) ${taken.join(', ')} created`;
  };
}

/** `bosh take-snapshot`. One that fails is told, counted, and passed over. */
export function snapshotDeployment(deps: ExecuteDeps): TaskHandler {
  return async (task) => {
    const { deployment } = task.task.args as DeploymentSnapshotsArgs; // the API has checked it
    let failures = 0;
    for (const instance of await task.store.instances.ofDeployment(deployment)) {
      task.checkpoint();
      if (activeVm(instance) === null) continue;
      try {
        await snapshotsOf(instance.id, deps, task);
      } catch (thrown) {
        if (!(thrown instanceof CpiError)) throw thrown;
        failures++;
        await tellFailure(instance, messageOf(thrown), deps, task);
      }
    }
    return `snapshots of deployment '${deployment}' created${failures === 0 ? '' : `, with ${failures} failure(s)`}`;
  };
}

/** Under the locks of its disks: nobody deletes one of them, or gives it to another instance, meanwhile. */
async function snapshotsOf(instanceId: InstanceId, deps: ExecuteDeps, task: TaskContext): Promise<SnapshotCid[]> {
  if (!deps.settings.snapshots) {
    task.events.warning('Snapshots are not enabled in the configuration of the director; none is taken');
    return [];
  }
  const found = await task.store.instances.get(instanceId);
  const cids = (found?.disks ?? []).flatMap(({ cid }) => cid ?? []).sort();
  const locked = cids.reduceRight<() => Promise<SnapshotCid[]>>(
    (work, cid) => () => task.withLock(diskLock(cid), diskLockWaitMs, work),
    async () => {
      const instance = await task.store.instances.get(instanceId);
      if (instance === undefined) return [];
      const disks = instance.disks.filter(({ cid }) => cid !== null && cids.includes(cid));
      return takeSnapshots({ ...deps, task, work: bareWork({ ...instance, disks }) }, { clean: false });
    },
  );
  return locked();
}

async function tellFailure(
  instance: Instance,
  message: string,
  { bus, clock }: ExecuteDeps,
  task: TaskContext,
): Promise<void> {
  task.events.warning(`failed to take a snapshot of ${instanceLabel(instance)}: ${message}`);
  await snapshotAlert(bus, { instance, message, nowMs: clock.now() });
}
