import type { ProblemKind, ResolutionOf } from './kinds.ts';
import { activateDisk, reattachDisk, reattachDiskAndReboot, removeDisk, removeDiskReference } from './repair-disk.ts';
import { type Repair, RepairRefused } from './repair-io.ts';
import { reboot, recreate, removeVm, removeVmReference, unlessItAnswers } from './repair-vm.ts';

const nothing: Repair = () => Promise.resolve();

/** A resolution without a repair does not compile. */
const repairs: { [K in ProblemKind]: Readonly<Record<ResolutionOf<K>, Repair>> } = {
  missing_vm: {
    ignore: nothing,
    recreate_vm_without_wait: recreate({ waits: false }),
    recreate_vm: recreate({ waits: true }),
    delete_vm_reference: removeVmReference,
  },
  unresponsive_agent: {
    ignore: nothing,
    reboot_vm: unlessItAnswers(reboot),
    recreate_vm_without_wait: unlessItAnswers(recreate({ waits: false })),
    recreate_vm: unlessItAnswers(recreate({ waits: true })),
    delete_vm: unlessItAnswers(removeVm),
    delete_vm_reference: unlessItAnswers(removeVmReference),
  },
  missing_disk: { ignore: nothing, delete_disk_reference: removeDiskReference },
  inactive_disk: { ignore: nothing, delete_disk: removeDisk, activate_disk: activateDisk },
  mount_info_mismatch: {
    ignore: nothing,
    reattach_disk: reattachDisk,
    reattach_disk_and_reboot: reattachDiskAndReboot,
  },
  invalid_problem: { close: nothing },
};

/** @throws RepairRefused: there is no such resolution for this kind */
export function repairOf(kind: ProblemKind, resolution: string): Repair {
  const known: Readonly<Record<string, Repair>> = repairs[kind];
  const repair = Object.hasOwn(known, resolution) ? known[resolution] : undefined;
  if (repair === undefined) throw new RepairRefused(`Cannot find '${resolution}' resolution for '${kind}'`);
  return repair;
}
