/**
 * Who is who on the bus, and which subjects are theirs: BOSH's names and permissions, to the letter.
 * Source: bosh jobs/nats/templates/nats.cfg.erb, bosh-nats-sync nats_auth_config.rb.
 */
export type Identity =
  | { readonly kind: 'director' }
  | { readonly kind: 'health-monitor' }
  | { readonly kind: 'agent'; readonly agentId: string; readonly bootstrap: boolean };

export const directorIdentity: Identity = { kind: 'director' };
export const healthMonitorIdentity: Identity = { kind: 'health-monitor' };

export const busServerCommonName = 'default.nats.bosh-internal';
const directorCommonName = 'default.director.bosh-internal';
const healthMonitorCommonName = 'default.hm.bosh-internal';

/** A token of a subject and a label of a common name. Anything more would let an id carry a wildcard or a dot. */
const agentIdShape = /^[A-Za-z0-9_-]{1,64}$/;

export function isAgentId(text: string): boolean {
  return agentIdShape.test(text);
}

export function commonNameOf(identity: Identity): string {
  switch (identity.kind) {
    case 'director':
      return directorCommonName;
    case 'health-monitor':
      return healthMonitorCommonName;
    case 'agent':
      return `${identity.agentId}${identity.bootstrap ? '.bootstrap' : ''}.agent.bosh-internal`;
  }
}

/** Undefined: nobody that may speak on the bus. */
export function identityOf(commonName: string): Identity | undefined {
  if (commonName === directorCommonName) return directorIdentity;
  if (commonName === healthMonitorCommonName) return healthMonitorIdentity;
  const [, agentId, bootstrap] = /^([^.]+)(\.bootstrap)?\.agent\.bosh-internal$/.exec(commonName) ?? [];
  if (agentId === undefined || !isAgentId(agentId)) return undefined;
  return { kind: 'agent', agentId, bootstrap: bootstrap !== undefined };
}

/** The subject of a client certificate, as nats-server writes it and its users are named. */
export function distinguishedNameOf(identity: Identity): string {
  return `C=USA, O=Cloud Foundry, CN=${commonNameOf(identity)}`;
}

export interface Permissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** Subjects that each kind of identity may use. `<id>` is the agent's own id. */
const permissions: Record<Identity['kind'], Permissions> = {
  director: { publish: ['agent.*', 'hm.director.alert'], subscribe: ['director.>'] },
  'health-monitor': {
    publish: [],
    subscribe: ['hm.agent.heartbeat.*', 'hm.agent.alert.*', 'hm.agent.shutdown.*', 'hm.director.alert'],
  },
  agent: {
    publish: ['hm.agent.heartbeat.<id>', 'hm.agent.alert.<id>', 'hm.agent.shutdown.<id>', 'director.*.<id>.*'],
    subscribe: ['agent.<id>'],
  },
};

export function permissionsOf(identity: Identity): Permissions {
  const { publish, subscribe } = permissions[identity.kind];
  if (identity.kind !== 'agent') return { publish, subscribe };
  const own = (pattern: string) => pattern.replace('<id>', identity.agentId);
  return { publish: publish.map(own), subscribe: subscribe.map(own) };
}

/** The same patterns as tokens: kept once, not once per agent, since ten thousand agents are attached at a time. */
const tokens = Object.fromEntries(
  Object.entries(permissions).map(([kind, { publish, subscribe }]) => [
    kind,
    {
      publish: publish.map((pattern) => pattern.split('.')),
      subscribe: subscribe.map((pattern) => pattern.split('.')),
    },
  ]),
) as Record<Identity['kind'], Record<keyof Permissions, string[][]>>; // the same keys as above

/** Whether all that `wanted` (a subject or a pattern, as tokens) can mean is this identity's own. */
export function may(identity: Identity, act: keyof Permissions, wanted: readonly string[]): boolean {
  const ownId = identity.kind === 'agent' ? identity.agentId : undefined;
  return tokens[identity.kind][act].some((allowed) => covers(allowed, wanted, ownId));
}

function covers(allowed: readonly string[], wanted: readonly string[], ownId: string | undefined): boolean {
  for (let i = 0; i < allowed.length; i++) {
    const token = wanted[i];
    if (token === undefined) return false;
    if (allowed[i] === '>') return true;
    if (token === '>') return false; // wider than one token
    if (allowed[i] === '*') continue;
    if (token !== (allowed[i] === '<id>' ? ownId : allowed[i])) return false;
  }
  return allowed.length === wanted.length;
}
