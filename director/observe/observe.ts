import type { ApplySpec } from '../../agent/protocol.ts';
import type { Clock } from '../../common/clock.ts';
import { OperatorError, messageOf } from '../../common/errors.ts';
import type { AgentId } from '../../common/ids.ts';
import { ruleOf } from '../bus/agent-methods.ts';
import type { Agents } from '../bus/agents.ts';
import { inParallel } from '../execute/in-parallel.ts';
import {
  activeVm,
  instanceLabel,
  type ActualDeployment,
  type ActualInstance,
  type AgentReport,
} from '../plan/actual.ts';
import type { Instance, Vm } from '../store/instances.ts';
import type { Store } from '../store/store.ts';
import { takenAddresses } from './taken-addresses.ts';

/** Agents that are asked at the same time. Each question is a message and a timer; more only makes answers later. */
export const agentsAtOnceMax = 200;
/** Long enough for an agent that comes back after a restart of the director. */
const patienceMs = 10_000;
const labelsMax = 5;

export interface ObserveDeps {
  store: Store;
  agents: Agents;
  signal: AbortSignal;
  clock: Clock;
  /** Told once, while agents are still waited for that may be dead. */
  warn: (warning: string) => void;
  /** Whose agents are asked. Default: all. Of the others what was last applied stands for what is. */
  asks?: (instance: Instance) => boolean;
}

/** Reads store and agents into one picture of a deployment. Ignored instances are not asked. */
export async function observe(
  deployment: string,
  { store, agents, signal, clock, warn, asks = () => true }: ObserveDeps,
): Promise<ActualDeployment> {
  const instances = await store.instances.ofDeployment(deployment);
  const reports = new Map<string, AgentReport>();
  const waiting = new Set<string>();
  const impatience = clock.after(patienceMs, () => {
    if (waiting.size > 0) warn(tellWaiting([...waiting]));
  });
  try {
    await inParallel(instances, agentsAtOnceMax, async (instance) => {
      const vm = activeVm(instance);
      if (vm === null || instance.ignore) return;
      if (!asks(instance)) return void reports.set(instance.id, recordedReport(instance, vm));
      const label = instanceLabel(instance);
      waiting.add(label);
      reports.set(instance.id, await reportOf(instance, vm.agentId, { agents, signal }));
      waiting.delete(label);
    });
  } finally {
    impatience.cancel();
  }
  return {
    instances: instances.map((instance) => ({ instance, agent: reports.get(instance.id) ?? { kind: 'none' } })),
    addresses: await takenAddresses(store),
  };
}

function tellWaiting(labels: readonly string[]): string {
  const more = labels.length > labelsMax ? ` and ${labels.length - labelsMax} more` : '';
  const seconds = (ms: number) => `${ms / 1000} s`;
  return (
    `No answer for ${seconds(patienceMs)} from the agents of ${labels.slice(0, labelsMax).join(', ')}${more}: ` +
    `they are asked again for ${seconds(ruleOf('get_state').timeoutMs)} in all`
  );
}

export async function reportOf(
  instance: Instance,
  agentId: AgentId,
  { agents, signal, timeoutMs }: { agents: Agents; signal: AbortSignal; timeoutMs?: number },
): Promise<AgentReport> {
  const call = { label: instanceLabel(instance), signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  try {
    const state = await agents.call(agentId, 'get_state', [], call);
    const hasDisk = instance.disks.some(({ active, name }) => active && name === '');
    const mountedDisks = hasDisk ? await agents.call(agentId, 'list_disk', [], call) : null;
    return { kind: 'answered', state, mountedDisks };
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof OperatorError)) throw thrown; // a fault of ours, not the agent's
    return { kind: 'silent', reason: messageOf(thrown) };
  }
}

/** Where nobody asks: enough to tell others its addresses, and nothing to plan by. */
function recordedReport({ spec }: Instance, { agentId }: Vm): AgentReport {
  const { networks = {} } = (spec ?? {}) as Partial<ApplySpec>; // of what was applied
  return {
    kind: 'answered',
    state: { agent_id: agentId, job_state: 'unknown', vm: { name: '' }, networks },
    mountedDisks: null,
  };
}

/** Without `--fix` an agent that doesn't answer ends the deploy before anything is touched. */
export function refuseSilent(instances: readonly ActualInstance[], deployment: string): void {
  const silent = instances.flatMap(({ instance, agent }) =>
    agent.kind === 'silent' ? [{ label: instanceLabel(instance), reason: agent.reason }] : [],
  );
  if (silent.length === 0) return;
  throw new OperatorError(silent.map(({ reason }) => reason).join('\n'), {
    code: 'agents-silent',
    hint: `Deploy with --fix to replace the VMs whose agents do not answer, or look first whether those VMs run (\`bosh -d ${deployment} vms\`) and can reach the director's message bus.`,
    details: { boshCode: 450002, silent },
  });
}
