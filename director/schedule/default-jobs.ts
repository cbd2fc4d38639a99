import type { OrphanedDisk } from '../store/instances.ts';
import type { ScheduledJob } from './scheduler.ts';

const dayMs = 86_400_000;

export interface Schedules {
  orphanedVms: string;
  orphanedDisks: string;
  orphanedDiskDays: number;
  snapshots: string;
}

/** As BOSH's, at BOSH's times unless configured otherwise. Tasks and events are pruned by the task engine. */
export function defaultJobs(schedules: Schedules, options: { snapshots: boolean }): ScheduledJob[] {
  const { orphanedDiskDays: days } = schedules;
  const jobs: ScheduledJob[] = [
    {
      name: 'orphaned-vms',
      schedule: schedules.orphanedVms,
      task: {
        type: 'scheduled_orphaned_vm_cleanup',
        description: 'scheduled ScheduledOrphanedVMCleanup',
        args: null,
      },
      hasWork: async ({ instances }) => (await instances.orphanedVms()).some(({ cid }) => cid !== null),
    },
    {
      name: 'orphaned-disks',
      schedule: schedules.orphanedDisks,
      task: { type: 'scheduled_orphaned_disk_cleanup', description: 'clean up orphan disks', args: { days } },
      hasWork: async ({ instances }, nowMs) => olderThan(await instances.orphanedDisks(), days, nowMs).length > 0,
    },
  ];
  if (!options.snapshots) return jobs;
  const snapshots: ScheduledJob = {
    name: 'snapshots',
    schedule: schedules.snapshots,
    task: { type: 'snapshot_deployments', description: 'scheduled SnapshotDeployments', args: null },
    hasWork: async ({ deployments }) => (await deployments.list()).length > 0,
  };
  return [...jobs, snapshots];
}

export function olderThan(disks: readonly OrphanedDisk[], days: number, nowMs: number): OrphanedDisk[] {
  return disks.filter(({ orphanedAtMs }) => orphanedAtMs < nowMs - days * dayMs);
}
