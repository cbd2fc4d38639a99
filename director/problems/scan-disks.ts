import { isUnsupported } from '../../cpi/errors.ts';
import { inParallel } from '../execute/in-parallel.ts';
import { activeVm } from '../plan/actual.ts';
import type { Instance, PersistentDisk } from '../store/instances.ts';
import type { FoundProblem } from '../store/problems.ts';
import type { ScanIo, VmScan } from './scan-vms.ts';

type Finding = 'ok' | 'missing' | 'inactive' | 'mismatch';

/** Looks for disks that the infrastructure lacks, that serve nobody, and that are not where they should be. */
export async function scanDisks(
  instances: readonly Instance[],
  vms: VmScan,
  { deps, task }: ScanIo,
): Promise<FoundProblem[]> {
  const disks = instances
    .filter(({ ignore }) => !ignore)
    // One that was never made is finished, or given up, by the next deploy.
    .flatMap((instance) => instance.disks.filter(({ cid }) => cid !== null).map((disk) => ({ instance, disk })));
  const stage = task.events.stage(`Scanning ${disks.length} persistent disks`, 2);
  const findings = new Map<string, Finding>();
  await stage.task('Looking for inactive disks', () =>
    inParallel(disks, deps.settings.vmsAtOnceMax, async ({ instance, disk }) => {
      task.checkpoint();
      const exists = await diskExists(disk, { deps, task });
      findings.set(disk.key, exists ? findingOf(instance, disk, vms) : 'missing');
    }),
  );
  const count = (wanted: Finding) => [...findings.values()].filter((finding) => finding === wanted).length;
  const summary =
    `${count('ok')} OK, ${count('missing')} missing, ${count('inactive')} inactive, ` +
    `${count('mismatch')} mount-info mismatch`;
  await stage.task(summary, () => Promise.resolve());
  return disks.flatMap(({ instance, disk }) => problemOf(instance, disk, { finding: findings.get(disk.key), vms }));
}

async function diskExists({ cid, cpi }: PersistentDisk, { deps, task }: ScanIo): Promise<boolean> {
  if (cid === null) return true;
  try {
    return await deps.cpis.named(cpi, task).hasDisk(cid, task.signal);
  } catch (thrown) {
    if (isUnsupported(thrown)) return true;
    throw thrown;
  }
}

/** Of disks with names agents tell nothing: jobs mount them, or not. */
function findingOf(instance: Instance, disk: PersistentDisk, { owners, scanned }: VmScan): Finding {
  if (!disk.active) return 'inactive';
  const vm = activeVm(instance);
  if (vm === null || disk.name !== '' || !scanned.has(instance.id)) return 'ok';
  const holders = owners.get(disk.cid ?? '') ?? [];
  return holders.length === 1 && holders[0] === vm.cid ? 'ok' : 'mismatch';
}

function problemOf(
  instance: Instance,
  { key, cid }: PersistentDisk,
  { finding, vms }: { finding: Finding | undefined; vms: VmScan },
): FoundProblem[] {
  const about = { resource: key, agentId: activeVm(instance)?.agentId ?? null };
  switch (finding) {
    case 'missing':
      return [{ ...about, type: 'missing_disk', data: {} }];
    case 'inactive':
      return [{ ...about, type: 'inactive_disk', data: {} }];
    case 'mismatch':
      return [{ ...about, type: 'mount_info_mismatch', data: { owner_vms: vms.owners.get(cid ?? '') ?? [] } }];
    case 'ok':
    case undefined:
      return [];
  }
}
