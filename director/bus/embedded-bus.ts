import type { Clock } from '../../common/clock.ts';
import type { Log } from '../../common/log.ts';
import type { AgentPermit, Bus, BusConnection } from './bus.ts';
import { Broker } from './broker/broker.ts';
import type { BrokerLimits } from './broker/limits.ts';
import type { CertificateAuthority } from './certificates/authority.ts';
import { agentCredentials } from './certificates/bus-client.ts';
import { keptServerCertificate, type PemStore } from './certificates/kept.ts';
import { busServerCommonName, directorIdentity, healthMonitorIdentity } from './identity.ts';

export interface EmbeddedBusOptions {
  /** Undefined: no socket at all, for simulated machines only. */
  listen?: {
    host: string;
    /** 0: any free one. */
    port: number;
    /** Under which agents reach it: the first goes into their settings, all go into the server's certificate. */
    reachableAt: readonly [string, ...string[]];
  };
  /** Who may speak already: agents come back at once when the director starts again, and give up if refused. */
  agents: Iterable<AgentPermit>;
  limits?: Partial<BrokerLimits>;
}

export interface EmbeddedBusDeps {
  authority: CertificateAuthority;
  store: PemStore;
  clock: Clock;
  log: Log;
}

/** The bus of a director on one machine. */
export interface EmbeddedBus extends Bus {
  /** An agent within this process: a simulated machine. It must be permitted, as any other. */
  attach(agentId: string): BusConnection;
  readonly broker: Broker;
}

/** @throws OperatorError `bus-port-unavailable` */
export async function openEmbeddedBus(options: EmbeddedBusOptions, deps: EmbeddedBusDeps): Promise<EmbeddedBus> {
  const { authority, clock, log } = deps;
  const broker = new Broker({ clock, log, ...(options.limits === undefined ? {} : { limits: options.limits }) });
  for (const permit of options.agents) broker.permit(permit);
  const url = options.listen === undefined ? undefined : await listen(broker, options.listen, deps);

  return {
    broker,
    attach: (agentId) => broker.attach({ kind: 'agent', agentId, bootstrap: false }),
    connect: async (as) => broker.attach(as === 'director' ? directorIdentity : healthMonitorIdentity),
    endpoint: () => {
      if (url === undefined) return simulatedEndpoint;
      return { mbus: url, urls: [url] };
    },
    issueCredentials: (agentId, kind) =>
      agentCredentials(authority, { agentId, bootstrap: kind === 'bootstrap', ca: authority.certificate }),
    permit: async (agentId, { bootstrap }) => broker.permit({ agentId, bootstrap }),
    revoke: async (agentId) => broker.revoke(agentId),
    close: () => broker.close(),
  };
}

/** What settings say where nothing listens: simulated machines find the bus without it. */
const simulatedEndpoint = { mbus: 'nats://simulated.invalid:4222', urls: ['nats://simulated.invalid:4222'] };

async function listen(
  broker: Broker,
  { host, port, reachableAt }: NonNullable<EmbeddedBusOptions['listen']>,
  { authority, ...keeping }: EmbeddedBusDeps,
): Promise<string> {
  const hosts = [...new Set([busServerCommonName, 'localhost', '127.0.0.1', ...reachableAt])];
  const server = await keptServerCertificate(
    { name: 'bus-server', commonName: busServerCommonName, hosts },
    authority,
    keeping,
  );
  const bound = await broker.listen({ host, port, tls: { ...server, ca: authority.certificate } });
  const [first] = reachableAt;
  return `nats://${first.includes(':') ? `[${first}]` : first}:${bound.port}`;
}
