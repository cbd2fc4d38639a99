import { textArgument, recordArgument, textField } from '../../arguments.ts';
import type { Call } from '../../dispatch.ts';
import { ActionFailed } from '../../errors.ts';
import { isRecord } from '../../shape.ts';
import type { DiskHint } from '../../protocol.ts';
import type { SimulatedMachine } from './machine.ts';

/**
 * Persistent disks of a simulated machine, as strict as the upstream agent: the first that is mounted is the store, a
 * second one the destination of a migration, and there is no third. `disks`: those it was told of, by its settings or
 * `add_persistent_disk`.
 */
export function listDisks({ state: { mounts } }: SimulatedMachine): string[] {
  // By name: the upstream agent's order, too, says nothing of who is the store.
  return [mounts.store, mounts.migrationTarget].filter((cid) => cid !== null).sort();
}

export function addDisk(machine: SimulatedMachine, { args }: Call): object {
  const cid = textArgument(args, 0, 'disk cid');
  machine.state.disks[cid] = hintArgument(args, cid);
  machine.remember();
  return {};
}

export function removeDisk(machine: SimulatedMachine, { args }: Call): object {
  const cid = textArgument(args, 0, 'disk cid');
  if (listDisks(machine).includes(cid)) throw diskError(cid, 'is mounted; unmount it first');
  delete machine.state.disks[cid];
  machine.remember();
  return {};
}

export function mountDisk(machine: SimulatedMachine, { args }: Call): object {
  const cid = knownDisk(machine, args);
  const { mounts } = machine.state;
  if (machine.hardware !== undefined && !machine.hardware.isAttached(cid)) throw diskError(cid, 'is not attached');
  if (mounts.store === cid) return {};
  const place = mounts.store === null ? 'store' : 'migrationTarget';
  if (place === 'store' && mounts.migrationTarget === cid)
    throw diskError(cid, 'is mounted as the destination of a migration, and there is no store');
  const there = mounts[place];
  if (there !== null && there !== cid)
    throw diskError(cid, `cannot be mounted beside ${listDisks(machine).join(', ')}`);
  mounts[place] = cid;
  machine.remember();
  return {};
}

export function unmountDisk(machine: SimulatedMachine, { args }: Call): { message: string } {
  const cid = knownDisk(machine, args);
  const { mounts } = machine.state;
  if (!listDisks(machine).includes(cid)) return { message: `Partition of ${cid} is not mounted` };
  mounts[mounts.store === cid ? 'store' : 'migrationTarget'] = null;
  machine.remember();
  return { message: `Unmounted partition of ${cid}` };
}

/** Copies the store to the second disk that is mounted, which is the store then; the first is mounted no more. */
export function migrateDisk(machine: SimulatedMachine, { args }: Call): object {
  const from = textArgument(args, 0, 'from');
  const to = textArgument(args, 1, 'to');
  const { mounts } = machine.state;
  if (mounts.store !== from) throw diskError(from, 'is not the mounted store');
  if (mounts.migrationTarget !== to) throw diskError(to, 'is not mounted as the destination of a migration');
  machine.simulation.diskMarks.copy(from, to);
  machine.state.mounts = { store: to, migrationTarget: null };
  machine.remember();
  return {};
}

export function updateSettings(machine: SimulatedMachine, { args }: Call): 'ok' {
  const settings = recordArgument(args, 0, 'settings');
  const associations = settings['disk_associations'] ?? [];
  if (!Array.isArray(associations))
    throw new ActionFailed('disk_associations is not a list', { code: 'invalid-input' });
  for (const association of associations) {
    const cid = isRecord(association) ? textField(association, 'cid') : '';
    if (!Object.hasOwn(machine.state.disks, cid)) throw diskError(cid, 'is associated with a name, but unknown here');
  }
  const mbus = settings['mbus'];
  if (isRecord(mbus) && isRecord(mbus['cert'])) {
    for (const part of ['ca', 'certificate', 'private_key']) textField(mbus['cert'], part);
    machine.state.certificatesSwapped++;
    machine.remember();
  }
  return 'ok';
}

function knownDisk(machine: SimulatedMachine, args: readonly unknown[]): string {
  const cid = textArgument(args, 0, 'disk cid');
  if (!Object.hasOwn(machine.state.disks, cid)) throw diskError(cid, 'is unknown to this machine');
  return cid;
}

function hintArgument(args: readonly unknown[], cid: string): DiskHint {
  const hint = args[1];
  if (typeof hint === 'string' && hint !== '') return hint;
  if (isRecord(hint)) return hint;
  throw diskError(cid, 'has no hint that tells where it is');
}

function diskError(cid: string, what: string): ActionFailed {
  return new ActionFailed(`disk "${cid}" ${what}`, { code: 'disk-refused', details: { diskCid: cid } });
}
