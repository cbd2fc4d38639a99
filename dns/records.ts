import { isIPv6 } from 'node:net';

/** One address of an instance, and what it is found by. Texts are as the director wrote them. */
export interface Endpoint {
  id: string;
  num: string;
  group: string;
  groupIds: readonly string[];
  azId: string | null;
  az: string | null;
  network: string;
  networkId: string | null;
  deployment: string;
  ip: string;
  isIpv6: boolean;
  domain: string;
  agentId: string | null;
  index: string;
}

export interface Alias {
  groupId: string;
  rootDomain: string;
  healthFilter: string | null;
  placeholder: string | null;
}

/** What records.json says, ready to be asked. */
export interface Records {
  version: number;
  endpoints: readonly Endpoint[];
  byGroupId: ReadonlyMap<string, readonly Endpoint[]>;
  /** By deployment and domain: most names are of one. */
  byDeployment: ReadonlyMap<string, readonly Endpoint[]>;
  byAgent: ReadonlyMap<string, readonly Endpoint[]>;
  aliases: ReadonlyMap<string, readonly Alias[]>;
  /** Names below these are ours; all others are for the recursors. */
  domains: readonly string[];
}

/** Names below it are ids of agents. */
export const agentDomain = 'bosh-agent-id';

export const noRecords: Records = readRecords('{"version":0,"record_keys":[],"record_infos":[],"aliases":{}}');

interface Document {
  version: number;
  record_keys: string[];
  record_infos: unknown[][];
  aliases?: Record<string, Array<Record<string, string | null>>>;
}

/** Columns are found by their names: directors of other versions have others, too. @throws SyntaxError */
export function readRecords(text: string): Records {
  const { version, record_keys: keys, record_infos: infos, aliases = {} } = JSON.parse(text) as Document; // the director's
  const at = new Map(keys.map((key, column) => [key, column]));
  const endpoints = infos.map((info) => endpointOf((key) => info[at.get(key) ?? -1]));
  const byGroupId = new Map<string, Endpoint[]>();
  const byDeployment = new Map<string, Endpoint[]>();
  const byAgent = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    for (const group of endpoint.groupIds) push(byGroupId, group, endpoint);
    push(byDeployment, `${endpoint.deployment}.${endpoint.domain}`, endpoint);
    if (endpoint.agentId !== null) push(byAgent, endpoint.agentId, endpoint);
  }
  const read = Object.entries(aliases).map(([domain, targets]): [string, Alias[]] => [
    domain.toLowerCase().replace(/\.$/, ''),
    targets.map((target) => ({
      groupId: target['group_id'] ?? '',
      rootDomain: target['root_domain'] ?? 'bosh',
      healthFilter: target['health_filter'] ?? null,
      placeholder: target['placeholder_type'] ?? null,
    })),
  ]);
  const domains = new Set([...endpoints.map(({ domain }) => domain), 'bosh', agentDomain]);
  return { version, endpoints, byGroupId, byDeployment, byAgent, aliases: new Map(read), domains: [...domains] };
}

function endpointOf(field: (key: string) => unknown): Endpoint {
  const text = (key: string) => String((field(key) ?? '') as string | number).toLowerCase();
  const textOrNull = (key: string) => (field(key) == null ? null : text(key));
  const ip = String(field('ip'));
  return {
    id: text('id'),
    num: text('num_id'),
    group: text('instance_group'),
    groupIds: ((field('group_ids') as unknown[] | undefined) ?? []).map(String),
    azId: textOrNull('az_id'),
    az: textOrNull('az'),
    network: text('network'),
    networkId: textOrNull('network_id'),
    deployment: text('deployment'),
    ip,
    isIpv6: isIPv6(ip),
    domain: text('domain').replace(/\.$/, ''),
    agentId: textOrNull('agent_id'),
    index: text('instance_index'),
  };
}

function push(map: Map<string, Endpoint[]>, key: string, endpoint: Endpoint): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [endpoint]);
  else list.push(endpoint);
}
