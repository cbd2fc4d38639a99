import { OperatorError } from '../../common/errors.ts';
import { AgentTimedOut } from '../bus/agent-errors.ts';
import { runSteps } from '../execute/effects.ts';
import { forgetVm, leaveVmBehind } from '../execute/effects/left-behind.ts';
import { deleteVm } from '../execute/effects/vm.ts';
import { reportOf } from '../observe/observe.ts';
import { activeVm, type AgentReport } from '../plan/actual.ts';
import { planRecreation } from '../plan/plan-repair.ts';
import type { Vm } from '../store/instances.ts';
import { type Repair, type RepairIo, RepairRefused, vmExists } from './repair-io.ts';
import { agentAnswersMsMax } from './scan-vms.ts';

/** Before anything is done to a VM whose agent did not answer: it may have come back meanwhile. */
export function unlessItAnswers(repair: Repair): Repair {
  return async (io) => {
    const vm = activeVm(io.work.instance);
    if (vm !== null && vm.agentId === io.problem.agentId && (await answers(io, vm)))
      throw new RepairRefused('Agent is responding now, skipping resolution');
    await repair(io);
  };
}

async function answers({ agents, task, work }: RepairIo, { agentId }: Vm): Promise<boolean> {
  try {
    await agents.call(agentId, 'ping', [], {
      label: work.label,
      timeoutMs: agentAnswersMsMax,
      signal: task.signal,
    });
    return true;
  } catch (thrown) {
    task.signal.throwIfAborted();
    if (thrown instanceof AgentTimedOut) return false;
    if (thrown instanceof OperatorError && thrown.code.startsWith('agent-')) return true; // with an error, but it lives
    throw thrown;
  }
}

/** As it was last updated. An instance that somebody has given another VM since the scan is left as it is. */
export function recreate({ waits }: { waits: boolean }): Repair {
  return async (io) => {
    const { problem, task } = io;
    const { instance } = io.work;
    const vm = activeVm(instance);
    const isReplaced = vm !== null && vm.agentId !== problem.agentId;
    if (isReplaced && instance.updateCompleted) return;
    const { work, shape, variables, watch, canaryWatch } = await io.former();
    const agent: AgentReport = isReplaced
      ? await reportOf(instance, vm.agentId, { ...io, signal: task.signal, timeoutMs: agentAnswersMsMax })
      : { kind: 'none' };
    const lost = problem.agentId;
    const steps = planRecreation({ instance, agent }, { shape, variables, watch, canaryWatch, lost, waits });
    // From here until `finish` it counts as half updated: whoever comes next goes on with it.
    await task.store.instances.update(instance.id, { updateCompleted: false });
    instance.updateCompleted = false;
    await runSteps(steps, { ...io, work });
  };
}

export async function reboot(io: RepairIo): Promise<void> {
  const { cpis, task, agents, settings, work } = io;
  const vm = ofProblem(io);
  if (vm.cid === null) throw new RepairRefused('its VM was never made');
  await cpis.named(vm.cpi, task, vm.stemcell).rebootVm(vm.cid, task.signal);
  try {
    await agents.waitUntilReady(vm.agentId, {
      label: work.label,
      vmCid: vm.cid,
      timeoutMs: settings.agentWaitMs,
      signal: task.signal,
    });
  } catch (thrown) {
    if (!(thrown instanceof OperatorError && thrown.code === 'agent-unreachable')) throw thrown;
    throw new RepairRefused('Agent still unresponsive after reboot', thrown);
  }
}

/** With whatever else of it is left. Its disk stays; the next scan or deploy finds that the VM is missing. */
export async function removeVm(io: RepairIo): Promise<void> {
  if (activeVm(io.work.instance) !== null) ofProblem(io);
  for (const { agentId } of io.work.instance.vms) await deleteVm(io, agentId);
}

/** A VM that the infrastructure still has goes on among those that were given up, and keeps its addresses there. */
export async function removeVmReference(io: RepairIo): Promise<void> {
  if (activeVm(io.work.instance) === null) return; // by an earlier run
  const vm = ofProblem(io);
  if (await vmExists(io, vm)) await leaveVmBehind(io, vm, 'its reference was deleted by cloud check');
  else await forgetVm(io, vm.agentId);
}

function ofProblem({ work, problem }: RepairIo): Vm {
  const vm = activeVm(work.instance);
  if (vm === null) throw new RepairRefused('the instance has no VM any more');
  if (vm.agentId !== problem.agentId) throw new RepairRefused('its VM was replaced since the scan');
  return vm;
}
