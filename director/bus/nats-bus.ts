import type { Clock } from '../../common/clock.ts';
import type { Log } from '../../common/log.ts';
import type { AgentPermit, Bus, BusConnection } from './bus.ts';
import type { Certificate, CertificateAuthority } from './certificates/authority.ts';
import { agentCredentials } from './certificates/bus-client.ts';
import { directorIdentity, healthMonitorIdentity, isAgentId } from './identity.ts';
import { connectNats, type NatsServers } from './nats/nats-connection.ts';
import { PermissionsFile, type PermissionsFileOptions } from './nats/permissions-file.ts';

export interface NatsBusOptions {
  servers: NatsServers;
  /** Where agents find the servers. Default: where we do. */
  agentUrls?: readonly [string, ...string[]];
  director: Certificate;
  healthMonitor: Certificate;
  /** Undefined: somebody else keeps nats-server's users (bosh-nats-sync, or the director on the server's machine). */
  permissions?: PermissionsFileOptions;
}

export interface NatsBusDeps {
  /** Signs the agents' certificates; nats-server trusts it. */
  authority: CertificateAuthority;
  /** Who may speak, from the store. */
  agents: () => Promise<Iterable<AgentPermit>>;
  clock: Clock;
  log: Log;
}

/**
 * The bus of several directors: nats-server, configured as in BOSH (`verify_and_map`, users in an included file).
 * @throws OperatorError `bus-permissions-not-written`
 */
export async function openNatsBus(options: NatsBusOptions, deps: NatsBusDeps): Promise<Bus> {
  const { servers, permissions } = options;
  const { authority, log } = deps;
  const urls = [...(options.agentUrls ?? servers.urls)];
  const file = permissions === undefined ? undefined : new PermissionsFile(permissions, deps);
  await file?.start();
  const connections = new Set<BusConnection>();

  return {
    connect: async (as) => {
      const director = as === 'director';
      const identity = director ? directorIdentity : healthMonitorIdentity;
      const certificate = director ? options.director : options.healthMonitor;
      const connection = await connectNats(identity, { servers, certificate, log });
      connections.add(connection);
      return connection;
    },
    endpoint: () => ({ mbus: urls[0] ?? servers.urls[0], urls }),
    issueCredentials: (agentId, kind) =>
      agentCredentials(authority, { agentId, bootstrap: kind === 'bootstrap', ca: servers.ca }),
    permit: async (agentId, { bootstrap }) => {
      if (!isAgentId(agentId)) throw new Error(`"${agentId}" cannot be an agent id: letters, digits, "-" and "_" only`);
      await file?.permit({ agentId, bootstrap });
    },
    revoke: async (agentId) => {
      await file?.revoke(agentId);
    },
    close: async () => {
      await file?.close();
      await Promise.all([...connections].map((connection) => connection.close()));
      connections.clear();
    },
  };
}
