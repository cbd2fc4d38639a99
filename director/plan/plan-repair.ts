import type { AgentId } from '../../common/ids.ts';
import type { WatchMs } from '../../manifests/update-policy.ts';
import { activeVm, type ActualInstance } from './actual.ts';
import type { VmShape } from './changes.ts';
import { finishVm, makeVm } from './plan-action.ts';
import type { Step } from './step.ts';
import type { Variables } from './variable-values.ts';

/**
 * Puts another VM in the place of one that is dead, hangs or is gone, with what was last applied: its disk, addresses,
 * AZ and jobs stay. Who was stopped gets a machine and stays stopped.
 */
export function planRecreation(
  actual: ActualInstance,
  { shape, variables, watch, canaryWatch, lost, waits }: Recreation,
): Step[] {
  const { instance, agent } = actual;
  const vm = activeVm(instance);
  // One that an earlier run has made, and did not come to the end with.
  const isMade = vm !== null && vm.agentId !== lost && agent.kind === 'answered';
  const drop: Step[] = vm === null ? [] : [{ kind: 'delete-vm', agentId: vm.agentId, vmCid: vm.cid }];
  const others = { ...instance, vms: instance.vms.filter((each) => each !== vm) };
  const making = isMade ? finishVm(actual) : [...drop, ...makeVm(others, shape, variables)];
  const start: Step = { kind: 'start', watch, canaryWatch, ...(waits ? {} : { unwatched: true }) };
  const { state } = instance;
  return [...making, { kind: 'apply' }, ...(state === 'started' ? [start] : []), { kind: 'finish', state }];
}

export interface Recreation {
  shape: VmShape;
  variables: Variables;
  watch: WatchMs;
  canaryWatch: WatchMs;
  /** The agent of the VM that is to be replaced; null: there is none. */
  lost: AgentId | null;
  /** Until the jobs run. */
  waits: boolean;
}
