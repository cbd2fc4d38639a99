import { OperatorError } from '../../../common/errors.ts';
import { deleteAllOrphaned } from '../../disks/delete-orphaned-disks.ts';
import type { TaskContext, TaskHandler } from '../../tasks/task-context.ts';
import type { CleanUpArgs } from '../args.ts';
import { deleteOrphan } from '../delete-vm.ts';
import { deleteVersion } from '../delete-release.ts';
import { deleteStemcellEverywhere } from '../delete-stemcell.ts';
import type { ArtifactDeps } from '../deps.ts';
import { tidySpool } from '../spool.ts';
import { releaseLock, releaseLockWaitMs } from '../locks.ts';
import { deleteLitter } from './litter.ts';
import { isStranded, planCleanUp, type CleanUpPlan } from './plan.ts';

/** `bosh clean-up`. Converges: what an earlier attempt has deleted is in no plan any more. */
export function cleanUp(deps: ArtifactDeps): TaskHandler {
  return async (task) => {
    const args = task.task.args as CleanUpArgs; // the API has checked it
    const plan = await planCleanUp(task.store, deps.blobs, args);
    const versions = plan.releases.reduce((sum, release) => sum + release.versions.length, 0);
    await deleteReleases(deps, task, plan, versions);
    await deleteStemcells(deps, task, plan);
    await deleteCompiledPackages(deps, task, plan);
    await deleteOrphanedVms(deps, task, plan); // before the disks: one may hang on such a VM
    await deleteAllOrphaned(deps.cpis, task, { stageName: 'Deleting orphaned disks', disks: plan.orphanedDisks });
    await deleteExportedReleases(deps, task, plan);
    const nowMs = deps.clock.now();
    const litter = await deleteLitter(task.store, deps.blobs, { nowMs, checkpoint: () => task.checkpoint() });
    const spooled = await tidySpool(deps.spoolDir, task.store.tasks, { uploadsMayRun: true, nowMs });
    task.debug(`deleted ${litter} blobs that nothing names, and ${spooled} left-over uploads`);
    return (
      `Deleted ${versions} release(s), ${plan.stemcells.length} stemcell(s), ` +
      `${plan.compiledPackages.length} extra compiled package(s), ${plan.orphanedDisks.length} orphaned disk(s), ` +
      `${plan.orphanedVms.length} orphaned vm(s), ${plan.exportedReleases.length} exported release(s), ` +
      `Deleted 0 dns blob(s) created before ${new Date(nowMs).toISOString()}`
    );
  };
}

async function deleteReleases({ blobs }: ArtifactDeps, task: TaskContext, { releases }: CleanUpPlan, count: number) {
  const stage = task.events.stage('Deleting releases', count);
  for (const { name, versions } of releases) {
    await task.withLock(releaseLock(name), releaseLockWaitMs, async () => {
      for (const version of versions) {
        task.checkpoint();
        await stage.task(`${name}/${version}`, async () => {
          // A deploy may have begun to use it since the plan was made.
          if ((await task.store.releases.usedBy(name, version)).length > 0) return;
          await deleteVersion(blobs, task, { name, version });
        });
      }
    });
  }
}

async function deleteStemcells({ cpis }: ArtifactDeps, task: TaskContext, { stemcells }: CleanUpPlan): Promise<void> {
  const stage = task.events.stage('Deleting stemcells', stemcells.length);
  for (const { name, version } of stemcells) {
    task.checkpoint();
    await stage.task(`${name}/${version}`, async () => {
      try {
        await deleteStemcellEverywhere(cpis, task, { name, version, force: false });
      } catch (thrown) {
        // As with releases: a deploy may have begun to use it.
        if (!(thrown instanceof OperatorError && thrown.code === 'stemcell-in-use')) throw thrown;
      }
    });
  }
}

async function deleteCompiledPackages({ blobs }: ArtifactDeps, task: TaskContext, { compiledPackages }: CleanUpPlan) {
  const stage = task.events.stage('Deleting compiled packages', compiledPackages.length);
  for (const compiled of compiledPackages) {
    task.checkpoint();
    await stage.task(`${compiled.name} for ${compiled.stemcellOs}/${compiled.stemcellVersion}`, async () => {
      // Undefined: its release went, and it with it; or its stemcell is there after all, and a deploy may use both.
      const blobId = await task.store.atomically(async (store) =>
        isStranded(compiled, await store.stemcells.list()) ? store.releases.deleteCompiled(compiled.id) : undefined,
      );
      if (blobId !== undefined && !(await task.store.releases.blobExists(blobId))) await blobs.delete(blobId);
    });
  }
}

async function deleteOrphanedVms({ cpis }: ArtifactDeps, task: TaskContext, { orphanedVms }: CleanUpPlan) {
  const stage = task.events.stage('Deleting orphaned vms', orphanedVms.length);
  for (const vm of orphanedVms) {
    task.checkpoint();
    await stage.task(vm.cid ?? vm.agentId, () => deleteOrphan(cpis, task, vm));
  }
}

async function deleteExportedReleases({ blobs }: ArtifactDeps, task: TaskContext, { exportedReleases }: CleanUpPlan) {
  const stage = task.events.stage('Deleting exported releases', exportedReleases.length);
  for (const blobId of exportedReleases) await stage.task(blobId, () => blobs.delete(blobId));
}
