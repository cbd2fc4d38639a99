import type { AgentMethod } from '../../agent/protocol.ts';
import type { CpiMethod } from '../../cpi/memory/faults.ts';
import type { World } from '../support/given-director.ts';
import type { Dice } from './dice.ts';

const cpiFaults: readonly CpiMethod[] = [
  'createVm',
  'deleteVm',
  'setVmMetadata',
  'createDisk',
  'attachDisk',
  'detachDisk',
];
const agentFaults: readonly AgentMethod[] = [
  'get_state',
  'apply',
  'prepare',
  'stop',
  'start',
  'run_script',
  'update_settings',
  'list_disk',
  'add_persistent_disk',
  'mount_disk',
  'unmount_disk',
  'migrate_disk',
  'remove_persistent_disk',
  'compile_package',
  'drain',
];

/** Calls that will fail, and machines that are dead. */
export function breakThings({ cpi, machines }: World, dice: Dice, tell: (line: string) => void): void {
  while (dice.oneIn(2)) {
    const method = dice.oneOf(cpiFaults);
    const when = dice.oneIn(2) ? 'before' : 'after';
    tell(`CPI: ${method} fails ${when} its effect`);
    cpi.faults.failOnce(method, when);
  }
  for (const { cid } of cpi.inventory().vms) {
    if (!dice.oneIn(4)) continue;
    const agent = machines.agent(cid);
    if (agent === undefined) continue;
    if (dice.oneIn(4)) {
      tell(`${cid} dies`);
      agent.die();
    } else {
      const method = dice.oneOf(agentFaults);
      tell(`${cid}: ${method} fails`);
      agent.faults.failOnce(method, dice.oneIn(2) ? 'before' : 'after');
    }
  }
}

export function mendThings({ cpi, machines }: World): void {
  cpi.faults.clear();
  for (const { cid } of cpi.inventory().vms) machines.agent(cid)?.faults.clear();
}
