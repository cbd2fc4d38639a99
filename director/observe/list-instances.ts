import pLimit from 'p-limit';
import type { AgentState } from '../../agent/protocol.ts';
import type { AgentId } from '../../common/ids.ts';
import { OperatorError } from '../../common/errors.ts';
import type { ListInstancesArgs } from '../api/deploy-args.ts';
import type { FullInstance } from '../api/contract/deployments.ts';
import type { Instance, Vm } from '../store/instances.ts';
import type { TaskHandler } from '../tasks/task-context.ts';
import { activeVmOf, addressesOf } from './vms-of-instance.ts';

export interface ListInstancesDeps {
  agents: {
    /** In its full form, with vitals and processes. @throws OperatorError when none comes within the time */
    getState(agentId: AgentId, options: { timeoutMs: number; signal: AbortSignal }): Promise<AgentState>;
  };
  /** For each agent. BOSH: 5 s. */
  answersMsMax: number;
}

/** Agents that are asked at a time: a message each, and a few kilobytes of answer. */
const agentsAtOnce = 64;

/** `bosh instances`, `bosh vms`: one JSON object a line, in the order of groups and indexes, of what agents say now. */
export function listInstances({ agents, answersMsMax }: ListInstancesDeps): TaskHandler {
  return async (task) => {
    const { deployment, of } = task.task.args as ListInstancesArgs; // the API has checked it
    const instances = await task.store.instances.ofDeployment(deployment);
    const asked = instances.flatMap((instance): Array<[Instance, Vm | undefined]> =>
      of === 'vms' ? instance.vms.map((vm) => [instance, vm]) : [[instance, activeVmOf(instance)]],
    );
    const limit = pLimit(agentsAtOnce);
    const lines = asked.map(([instance, vm]) => limit(async () => describe(instance, vm, await stateOf(vm))));
    for (const line of lines) task.result(`${JSON.stringify(await line)}\n`);
    return null;

    async function stateOf(vm: Vm | undefined): Promise<AgentState | 'unresponsive' | undefined> {
      if (vm === undefined || vm.cid === null) return undefined;
      task.checkpoint();
      try {
        return await agents.getState(vm.agentId, { timeoutMs: answersMsMax, signal: task.signal });
      } catch (thrown) {
        task.checkpoint();
        if (thrown instanceof OperatorError) return 'unresponsive';
        throw thrown;
      }
    }
  };
}

function describe(
  instance: Instance,
  vm: Vm | undefined,
  state: AgentState | 'unresponsive' | undefined,
): FullInstance {
  const answered = state === 'unresponsive' ? undefined : state;
  const disks = instance.disks.filter((disk) => disk.active && disk.cid !== null);
  return {
    vm_cid: vm?.cid ?? null,
    active: vm?.active ?? null,
    vm_created_at: vm === undefined ? null : `${new Date(vm.createdAtMs).toISOString().slice(0, 19)}Z`,
    cloud_properties: vm?.cloudProperties ?? {},
    disk_cid: disks.find((disk) => disk.name === '')?.cid ?? null,
    disk_cids: disks.flatMap((disk) => disk.cid ?? []),
    ips: vm === undefined ? [] : addressesOf(vm),
    agent_id: vm?.agentId ?? null,
    job_name: instance.group,
    index: instance.index,
    job_state: state === 'unresponsive' ? 'unresponsive agent' : (answered?.job_state ?? null),
    state: instance.state,
    vm_type: vmTypeOf(instance),
    vitals: answered?.vitals ?? null,
    processes: answered?.processes ?? [],
    az: instance.az,
    id: instance.id,
    bootstrap: instance.bootstrap,
    ignore: instance.ignore,
    stemcell: {
      name: vm?.stemcell.name ?? null,
      version: vm?.stemcell.version ?? null,
      api_version: vm?.stemcell.apiVersion ?? null,
    },
  };
}

function vmTypeOf({ spec }: Instance): string | null {
  const vmType = spec?.['vm_type'];
  const name = typeof vmType === 'object' && vmType !== null && 'name' in vmType ? vmType.name : undefined;
  return typeof name === 'string' ? name : null;
}
