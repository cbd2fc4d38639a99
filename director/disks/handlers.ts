import type { ExecuteDeps } from '../execute/work.ts';
import type { TaskHandler } from '../tasks/task-context.ts';
import { attachDisk } from './attach-disk.ts';
import { deleteOrphanedDisks } from './delete-orphaned-disks.ts';
import { orphanDisk } from './orphan-disk.ts';

/** By the type of the task. */
export function diskTaskHandlers(deps: ExecuteDeps): Record<string, TaskHandler> {
  return {
    attach_disk: attachDisk(deps),
    orphan_disk: orphanDisk(deps),
    delete_orphan_disks: deleteOrphanedDisks(deps),
  };
}
