import { messageOf, OperatorError } from '../../common/errors.ts';
import { deleteOrphan } from '../artifacts/delete-vm.ts';
import { deleteOrphanedDisk } from '../disks/delete-orphaned-disks.ts';
import { inParallel } from '../execute/in-parallel.ts';
import type { ExecuteDeps } from '../execute/work.ts';
import { isStoreTrouble } from '../store/errors.ts';
import type { DeploymentSnapshotsArgs } from '../snapshots/args.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import { olderThan } from './default-jobs.ts';

/** By the type of the task. */
export function scheduledTaskHandlers(deps: ExecuteDeps): Record<string, TaskHandler> {
  const { cpis, clock, settings } = deps;
  return {
    scheduled_orphaned_vm_cleanup: async (task) => {
      const vms = (await task.store.instances.orphanedVms()).filter(({ cid }) => cid !== null);
      const failed = await eachOf(vms, { task, atOnceMax: settings.vmsAtOnceMax }, (vm) =>
        deleteOrphan(cpis, task, vm),
      );
      return `Deleted ${vms.length - failed} orphaned vm(s). Failed to delete ${failed} vm(s).`;
    },

    scheduled_orphaned_disk_cleanup: async (task) => {
      const { days } = task.task.args as { days: number }; // of default-jobs.ts
      const disks = olderThan(await task.store.instances.orphanedDisks(), days, clock.now());
      const stage = task.events.stage('Deleting orphan disks', disks.length);
      const failed = await eachOf(disks, { task, atOnceMax: settings.vmsAtOnceMax }, ({ cid }) =>
        stage.task(cid, () => deleteOrphanedDisk(cpis, task, cid)),
      );
      const told = `Deleted ${disks.length - failed} orphaned disk(s) older than ${days} day(s). Failed to delete ${failed} disk(s).`;
      if (failed > 0) {
        throw new OperatorError(told, {
          code: 'orphaned-disks-left',
          hint: 'The events of the task say why; the next time it is tried again.',
        });
      }
      return told;
    },

    snapshot_deployments: async (task) => {
      const { deployments, tasks } = task.store;
      const open = await tasks.list({ types: ['snapshot_deployment'], states: ['queued', 'processing'] });
      const underWay = new Set(open.map(({ deployment }) => deployment)); // an earlier attempt of ours may have begun
      const ids: number[] = [];
      for (const { name, teams } of await deployments.list()) {
        if (underWay.has(name)) continue;
        const args: DeploymentSnapshotsArgs = { deployment: name };
        const wanted = {
          type: 'snapshot_deployment',
          description: 'snapshot deployment',
          args,
          lane: 'normal',
        } as const;
        const by = { user: 'scheduler', deployment: name, contextId: '', teams: [...teams] };
        ids.push((await tasks.create({ ...wanted, ...by }, clock.now())).id);
      }
      return `Enqueued snapshot tasks [${ids.join(', ')}]`;
    },
  };
}

/** One that fails does not keep the others. @returns how many failed */
async function eachOf<T>(
  items: readonly T[],
  { task, atOnceMax }: { task: TaskContext; atOnceMax: number },
  work: (item: T) => Promise<void>,
): Promise<number> {
  let failed = 0;
  await inParallel(items, atOnceMax, async (item) => {
    task.checkpoint();
    try {
      await work(item);
    } catch (thrown) {
      if (task.signal.aborted || !(thrown instanceof OperatorError) || isStoreTrouble(thrown)) throw thrown;
      failed++;
      task.debug(messageOf(thrown));
    }
  });
  return failed;
}
