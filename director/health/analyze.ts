import type { Chance } from '../../common/chance.ts';
import { alertOf, type Alert, type NewAlert } from './events.ts';
import { agentLabel, instanceLabel, type Fleet, type WatchedAgent, type WatchedDeployment } from './fleet.ts';

/** Instances of one deployment that need a VM, by group: what the resurrector acts on. */
export interface Unhealthy {
  deployment: string;
  instances: Map<string, string[]>;
  alert: Alert;
}

export interface AnalysisLimits {
  agentTimeoutMs: number;
  rogueAfterMs: number;
}

/** What an analysis found, in order: an alert for each agent or instance, then one for each deployment. */
export interface Findings {
  alerts: Alert[];
  unhealthy: Unhealthy[];
}

interface At {
  nowMs: number;
  chance: Chance;
}

const critical = 2;

export const hasTimedOut = (agent: WatchedAgent, nowMs: number, limits: Pick<AnalysisLimits, 'agentTimeoutMs'>) =>
  nowMs - agent.updatedAtMs > limits.agentTimeoutMs;

const isRogue = (agent: WatchedAgent, nowMs: number, { rogueAfterMs }: AnalysisLimits) =>
  agent.instance === null && nowMs - agent.discoveredAtMs > rogueAfterMs;

/** Agents that are silent, and agents that nobody knows; those of both kinds are forgotten. */
export function analyzeAgents(fleet: Fleet, limits: AnalysisLimits, at: At): Findings {
  const found: Findings = { alerts: [], unhealthy: [] };
  for (const deployment of fleet.deployments) {
    if (deployment.locked) continue;
    const silent = new Map<string, string[]>();
    for (const instance of deployment.instances) {
      const agent = fleet.agentOf(instance);
      if (agent === undefined || !hasTimedOut(agent, at.nowMs, limits)) continue;
      found.alerts.push(timedOut(agent, at));
      push(silent, instance.group, instance.id);
    }
    note(found, deployment, silent, `${deployment.name} has instances with timed out agents`, at);
  }
  for (const agent of fleet.unmanaged) {
    const [silent, rogue] = [hasTimedOut(agent, at.nowMs, limits), isRogue(agent, at.nowMs, limits)];
    if (silent && rogue) fleet.remove(agent.id);
    else if (silent) found.alerts.push(timedOut(agent, at));
    else if (rogue) {
      const title = `${agent.id} is not a part of any deployment`;
      found.alerts.push(own({ severity: critical, source: agentLabel(agent), title }, at));
    }
  }
  return found;
}

/** Instances that should have a VM and have none. */
export function analyzeInstances(fleet: Fleet, at: At): Findings {
  const found: Findings = { alerts: [], unhealthy: [] };
  for (const deployment of fleet.deployments) {
    if (deployment.locked) continue;
    const missing = new Map<string, string[]>();
    for (const instance of deployment.instances) {
      if (!instance.expectsVm || instance.cid !== null) continue;
      found.alerts.push(
        own(
          {
            severity: critical,
            category: 'vm_health',
            source: instanceLabel(instance),
            title: `${instance.id} has no VM`,
            deployment: instance.deployment,
            job: instance.group,
            instanceId: instance.id,
          },
          at,
        ),
      );
      push(missing, instance.group, instance.id);
    }
    note(found, deployment, missing, `${deployment.name} has instances which do not have VMs`, at);
  }
  return found;
}

function timedOut(agent: WatchedAgent, at: At): Alert {
  const { instance } = agent;
  return own(
    {
      severity: critical,
      category: 'vm_health',
      source: agentLabel(agent),
      title: `${agent.id} has timed out`,
      deployment: instance?.deployment ?? null,
      job: instance?.group ?? null,
      instanceId: instance?.id ?? null,
    },
    at,
  );
}

function note(
  found: Findings,
  { name }: WatchedDeployment,
  instances: Map<string, string[]>,
  title: string,
  at: At,
): void {
  if (instances.size === 0) return;
  const about = { severity: critical, category: 'deployment_health', source: name, deployment: name, title } as const;
  found.unhealthy.push({ deployment: name, instances, alert: own(about, at) });
}

/** An alert of the monitor's own making. */
export function own(alert: Omit<NewAlert, 'id' | 'createdAt'>, { nowMs, chance }: At): Alert {
  return alertOf({ ...alert, id: chance.uuid(), createdAt: Math.floor(nowMs / 1000) });
}

function push(into: Map<string, string[]>, key: string, value: string): void {
  const list = into.get(key);
  if (list === undefined) into.set(key, [value]);
  else list.push(value);
}
