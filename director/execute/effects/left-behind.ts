import type { NetworkSettings } from '../../../agent/protocol.ts';
import type { AgentId } from '../../../common/ids.ts';
import { OperatorError } from '../../../common/errors.ts';
import { CpiOutcomeUnknown } from '../../../cpi/errors.ts';
import { isStoreTrouble } from '../../store/errors.ts';
import type { PersistentDisk, Vm } from '../../store/instances.ts';
import type { StepIo } from '../work.ts';

/**
 * Giving up what may exist and cannot be dealt with: the infrastructure will never say what came of its making, or
 * refuses to delete it and the operator told us to go on.
 *
 * INVARIANTS
 * - Nothing is given up before it is told, in the task's events, in the director's events and in the log: its name is all
 *   that anybody can look for it by.
 * - The addresses of a VM that may live on are nobody's until it is known to be gone: `bosh orphaned-vms`.
 */
export async function leaveVmBehind(io: StepIo, vm: Vm, why: string): Promise<void> {
  const { work, task, bus, clock } = io;
  const name = vm.cid === null ? `the VM of agent ${vm.agentId}` : `VM ${vm.cid} (agent ${vm.agentId})`;
  const addresses = work.instance.ips.map(({ address }) => address);
  const holds = addresses.length === 0 ? '' : ` and may hold ${addresses.join(', ')}`;
  const where = vm.cpi === '' ? 'the infrastructure' : `the infrastructure of CPI "${vm.cpi}"`;
  task.events.warning(
    `${work.label}: ${name} may exist on ${where}${holds}, and is no longer looked after: ${why}. ` +
      `Look there for a machine of this agent id and delete it, and tell with \`bosh delete-vm ${vm.cid ?? vm.agentId}\` ` +
      `that it is gone: \`bosh orphaned-vms\` lists it until then, and its addresses are given to no other.`,
  );
  const about = { agent_id: vm.agentId, cpi: vm.cpi, addresses };
  await tell(io, { objectType: 'vm', objectName: vm.cid ?? vm.agentId, why, about });
  await bus.revoke(vm.agentId);
  const { instance } = work;
  const from = { deployment: instance.deployment, instance: work.label, az: instance.az };
  const lost = await task.store.instances.orphanVm(vm.agentId, from, clock.now());
  instance.vms = instance.vms.filter(({ agentId }) => agentId !== vm.agentId);
  instance.ips = instance.ips.filter(({ address }) => !lost.includes(address));
}

/**
 * A VM is made with addresses of its instance only. What was planned, or applied last, may still have those of a VM that
 * was given up since; the next layout has others.
 */
export function refuseLostAddresses({ work }: StepIo, networks: Readonly<Record<string, NetworkSettings>>): void {
  const own = new Set(work.instance.ips.map(({ address }) => address));
  const lost = Object.values(networks).flatMap(({ type, ip }) =>
    type === 'dynamic' || ip === undefined || ip === '' || own.has(ip) ? [] : [ip],
  );
  if (lost.length === 0) return;
  throw new OperatorError(`${work.label}: a VM that was given up may live on at ${lost.join(', ')}`, {
    code: 'addresses-given-up',
    hint: `Deploy: the instance gets other addresses. A static IP is free again once \`bosh orphaned-vms\` does not list the VM any more.`,
    retryable: true,
    details: { instance: work.label, addresses: lost },
  });
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

/**
 * By force: but what is no failure of the world (a lost lease, a database that can't be written, a bug, a cancelled task)
 * ends the task all the same. Else a VM that nobody tried to delete would be given up.
 */
export function goesOnPast(thrown: unknown, { work, task }: StepIo): thrown is OperatorError {
  if (work.forced !== true || task.signal.aborted) return false;
  return thrown instanceof OperatorError && !isStoreTrouble(thrown);
}
