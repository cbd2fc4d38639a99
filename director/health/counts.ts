import { hasTimedOut, type AnalysisLimits } from './analyze.ts';
import type { Fleet, WatchedAgent } from './fleet.ts';

/** By deployment. Names are those of the health monitor's own endpoints. */
export interface HealthCounts {
  unresponsive_agents: Record<string, number>;
  unhealthy_agents: Record<string, number>;
  /** With those that nobody knows, as `unmanaged`. */
  total_available_agents: Record<string, number>;
  failing_instances: Record<string, number>;
  stopped_instances: Record<string, number>;
  unknown_instances: Record<string, number>;
}

type Counted = Exclude<keyof HealthCounts, 'total_available_agents'>;

export function countHealth(fleet: Fleet, nowMs: number, limits: Pick<AnalysisLimits, 'agentTimeoutMs'>): HealthCounts {
  const tests: Record<Counted, (agent: WatchedAgent) => boolean> = {
    unresponsive_agents: (agent) => hasTimedOut(agent, nowMs, limits),
    unhealthy_agents: ({ jobState, processes }) => jobState === 'running' && processes === 0,
    failing_instances: ({ jobState }) => jobState === 'failing',
    stopped_instances: ({ jobState }) => jobState === 'stopped',
    unknown_instances: ({ jobState }) => jobState === null,
  };
  const counts: HealthCounts = {
    unresponsive_agents: {},
    unhealthy_agents: {},
    total_available_agents: {},
    failing_instances: {},
    stopped_instances: {},
    unknown_instances: {},
  };
  for (const { name, instances } of fleet.deployments) {
    const agents = instances.flatMap((instance) => fleet.agentOf(instance) ?? []);
    for (const [what, test] of Object.entries(tests)) counts[what as Counted][name] = agents.filter(test).length; // their own keys
    counts.total_available_agents[name] = agents.length;
  }
  counts.total_available_agents['unmanaged'] = fleet.sizes.unmanaged;
  return counts;
}
