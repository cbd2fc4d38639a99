import { connect, type NatsConnection } from '@nats-io/transport-node';
import { setImmediate as turn } from 'node:timers/promises';
import { seededChance } from '../../common/chance.ts';
import { systemClock } from '../../common/clock.ts';
import { id, type AgentId } from '../../common/ids.ts';
import { silentLog } from '../../common/log.ts';
import { AgentClient } from '../../director/bus/agent-client.ts';
import type { Bus, BusConnection, MbusCredentials } from '../../director/bus/bus.ts';
import { CertificateAuthority } from '../../director/bus/certificates/authority.ts';
import { busClientCertificate } from '../../director/bus/certificates/bus-client.ts';
import { givenEmbeddedBus } from '../support/bus/given-embedded-bus.ts';
import { givenNatsServer } from '../support/bus/given-nats-server.ts';

/** The larger of heap in use and process size is what matters for each: see the names. */
export interface BusFigures {
  certificates: { perSecond: number; perCpuSecond: number };
  /** Heartbeats of one agent on a socket to the health monitor, in this process. */
  embedded: { messagesPerSecond: number };
  natsServer: { messagesPerSecond: number } | 'not installed';
  attached: { agents: number; heapBytesEach: number; callsPerSecond: number };
  /** RSS: broker and clients are both in this process, so half of it is the broker's. */
  sockets: { connections: number; rssKibEach: number; connectMsEach: number };
}

const messages = 50_000;
const payload = Buffer.alloc(400, 'x');

export async function measureBus({ agents = 10_000, connections = 1_000 } = {}): Promise<BusFigures> {
  return {
    certificates: await certificateFigures(),
    embedded: await embeddedFigures(),
    natsServer: await natsFigures(),
    attached: await attachedFigures(agents),
    sockets: await socketFigures(connections),
  };
}

async function certificateFigures(): Promise<BusFigures['certificates']> {
  const authority = new CertificateAuthority(CertificateAuthority.create('bench', systemClock), systemClock);
  const count = 1_000;
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    await busClientCertificate(authority, { kind: 'agent', agentId: `vm-${i}`, bootstrap: true });
  }
  const { user, system } = process.cpuUsage(startCpu);
  return {
    perSecond: Math.round((count / (performance.now() - startMs)) * 1_000),
    perCpuSecond: Math.round((count / (user + system)) * 1e6),
  };
}

async function embeddedFigures(): Promise<BusFigures['embedded']> {
  const bus = await givenEmbeddedBus({ listens: true });
  const messagesPerSecond = await heartbeatRate(bus, bus.endpoint().mbus);
  await bus.close();
  return { messagesPerSecond };
}

async function natsFigures(): Promise<BusFigures['natsServer']> {
  const server = await givenNatsServer().catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (server === undefined) return 'not installed';
  const messagesPerSecond = await heartbeatRate(server.bus, server.url);
  await server.bus.close();
  await server.close();
  return { messagesPerSecond };
}

/** One agent on a socket says as much as it can. */
async function heartbeatRate(bus: Bus, url: string): Promise<number> {
  const agentId = id<AgentId>('bench');
  await bus.permit(agentId, { bootstrap: false });
  const monitor = await bus.connect('health-monitor');
  let heard = 0;
  let allHeard: () => void = () => {};
  const done = new Promise<void>((resolve) => (allHeard = resolve));
  monitor.subscribe('hm.agent.heartbeat.*', () => {
    if (++heard === messages) allHeard();
  });
  await monitor.flush();
  const agent = await connectOnce(url, await bus.issueCredentials(agentId, 'permanent'));
  const startMs = performance.now();
  for (let i = 0; i < messages; i++) {
    agent.publish('hm.agent.heartbeat.bench', payload);
    if (i % 1_000 === 999) await agent.flush();
  }
  await done;
  const perSecond = Math.round((messages / (performance.now() - startMs)) * 1_000);
  await agent.close();
  return perSecond;
}

/** nats-server reads its users a little after it was told to. */
async function connectOnce(url: string, { ca, certificate, private_key }: MbusCredentials): Promise<NatsConnection> {
  for (let attempt = 1; ; attempt++) {
    try {
      const tls = { ca, cert: certificate, key: private_key };
      return await connect({ servers: url, tls, reconnect: false });
    } catch (error) {
      if (attempt === 20) throw error;
      await systemClock.sleep(100);
    }
  }
}

async function attachedFigures(agents: number): Promise<BusFigures['attached']> {
  const bus = await givenEmbeddedBus();
  const ids = Array.from({ length: agents }, (_, i) =>
    id<AgentId>(`7d5c1a34-0000-4000-8000-${String(i).padStart(12, '0')}`),
  );
  const heapBefore = await heapBytes();
  const kept: BusConnection[] = [];
  for (const agentId of ids) {
    await bus.permit(agentId, { bootstrap: false });
    const connection = bus.attach(agentId);
    connection.subscribe(`agent.${agentId}`, (_, request) => {
      const { reply_to } = JSON.parse(request.toString()) as { reply_to: string };
      connection.publish(reply_to, '{"value":"pong"}');
    });
    kept.push(connection);
  }
  const heapBytesEach = Math.round(((await heapBytes()) - heapBefore) / agents);

  const director = await bus.connect('director');
  const client = new AgentClient({ connection: director, clock: systemClock, chance: seededChance(1), log: silentLog });
  const startMs = performance.now();
  await Promise.all(ids.map((agentId) => client.call(agentId, 'ping', [])));
  const callsPerSecond = Math.round((agents / (performance.now() - startMs)) * 1_000);
  await bus.close();
  return { agents: kept.length, heapBytesEach, callsPerSecond };
}

async function socketFigures(connections: number): Promise<BusFigures['sockets']> {
  const bus = await givenEmbeddedBus({ listens: true });
  const agentId = id<AgentId>('bench');
  await bus.permit(agentId, { bootstrap: false });
  const credentials = await bus.issueCredentials(agentId, 'permanent');
  await heapBytes();
  const rssBefore = process.memoryUsage.rss();
  const startMs = performance.now();
  const clients: NatsConnection[] = [];
  for (let i = 0; i < connections; i++) clients.push(await connectOnce(bus.endpoint().mbus, credentials));
  const connectMsEach = Math.round((performance.now() - startMs) / connections);
  await heapBytes();
  const rssKibEach = Math.round((process.memoryUsage.rss() - rssBefore) / 1_024 / connections);
  await Promise.all(clients.map((client) => client.close()));
  await bus.close();
  return { connections, rssKibEach, connectMsEach };
}

/** After a collection, if node was started with --expose-gc; without, the figure is an upper bound. */
async function heapBytes(): Promise<number> {
  await turn();
  globalThis.gc?.();
  await turn();
  return process.memoryUsage().heapUsed;
}
