import type { AgentId } from '../../../common/ids.ts';
import { OperatorError } from '../../../common/errors.ts';
import { CpiOutcomeUnknown } from '../../../cpi/errors.ts';
import { LeaseLost } from '../../store/errors.ts';
import type { PersistentDisk, Vm } from '../../store/instances.ts';
import type { StepIo } from '../work.ts';

/**
 * Giving up what may exist and cannot be dealt with: the infrastructure will never say what came of its making, or
 * refuses to delete it and the operator told us to go on.
 *
 * INVARIANT: nothing is forgotten before it is told, in the task's events, in the director's events and in the log:
 * its name is all that anybody can look for it by.
 */
export async function leaveVmBehind(io: StepIo, vm: Vm, why: string): Promise<void> {
  const { work, task } = io;
  const name = vm.cid === null ? `the VM of agent ${vm.agentId}` : `VM ${vm.cid} (agent ${vm.agentId})`;
  const addresses = work.instance.ips.map(({ address }) => address);
  const holds = addresses.length === 0 ? '' : ` and may hold ${addresses.join(', ')}`;
  const where = vm.cpi === '' ? 'the infrastructure' : `the infrastructure of CPI "${vm.cpi}"`;
  task.events.warning(
    `${work.label}: ${name} may exist on ${where}${holds}, and is no longer looked after: ${why}. ` +
      `Look there for a machine of this agent id and delete it.`,
  );
  const about = { agent_id: vm.agentId, cpi: vm.cpi, addresses };
  await tell(io, { objectType: 'vm', objectName: vm.cid ?? vm.agentId, why, about });
  await forgetVm(io, vm.agentId);
}

export async function leaveDiskBehind(io: StepIo, disk: PersistentDisk, why: string): Promise<void> {
  const { work, task } = io;
  const name = disk.cid === null ? `the disk that was asked for as ${disk.key}` : `disk ${disk.cid}`;
  task.events.warning(
    `${work.label}: ${name} (${disk.sizeMib} MiB) may exist on the infrastructure, and is no longer looked after: ` +
      `${why}. It holds no data. Look there for a detached disk of this size and delete it.`,
  );
  const about = { key: disk.key, cpi: disk.cpi, size_mib: disk.sizeMib };
  await tell(io, { objectType: 'disk', objectName: disk.cid ?? disk.key, why, about });
  await task.store.instances.forgetDisk(disk.key);
  work.instance.disks = work.instance.disks.filter(({ key }) => key !== disk.key);
}

async function tell(
  { work, task }: StepIo,
  what: { objectType: 'vm' | 'disk'; objectName: string; why: string; about: Record<string, unknown> },
): Promise<void> {
  const { objectType, objectName, why: error, about } = what;
  task.log.warn('left-behind', { instance: work.label, objectType, objectName, ...about });
  const { deployment } = work.instance;
  const context = { left_behind: true, ...about };
  await task.record({ action: 'delete', objectType, objectName, deployment, instance: work.label, error, context });
}

/** Takes its credentials, and then its row. */
export async function forgetVm({ work, task, bus }: StepIo, agentId: AgentId): Promise<void> {
  await bus.revoke(agentId);
  await task.store.instances.forgetVm(agentId);
  work.instance.vms = work.instance.vms.filter((vm) => vm.agentId !== agentId);
}

/** Asking again will not tell more, now or later. */
export function isForeverUnknown(thrown: unknown): thrown is CpiOutcomeUnknown {
  return thrown instanceof CpiOutcomeUnknown && thrown.final;
}

/** By force: but what is no failure of the world (a lost lease, a bug, a cancelled task) ends the task all the same. */
export function goesOnPast(thrown: unknown, { work, task }: StepIo): thrown is OperatorError {
  if (work.forced !== true || task.signal.aborted) return false;
  return thrown instanceof OperatorError && !(thrown instanceof LeaseLost);
}
