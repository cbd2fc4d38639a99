import type { AgentState } from '../protocol.ts';
import type { Action } from './action.ts';

/** The applied spec as it came, since the director compares it with its own, and how things are. */
export const getState: Action = async ({ spec, settings, supervisor, platform }, { args }): Promise<AgentState> => ({
  networks: {},
  packages: {},
  resource_pool: {},
  ...spec.current(),
  agent_id: settings.agentId,
  job_state: supervisor.jobState(),
  vm: settings.given.vm,
  processes: await supervisor.processes(),
  ...(args[0] === 'full' && { vitals: await platform.vitals() }),
});
