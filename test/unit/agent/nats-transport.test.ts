import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import {
  checkBusServer,
  NatsTransport,
  reconnectAfterMs,
  type MbusCertificate,
} from '../../../agent/nats-transport.ts';
import { subjects } from '../../../agent/protocol.ts';
import { seededChance, systemChance } from '../../../common/chance.ts';
import { systemClock } from '../../../common/clock.ts';
import { id, type AgentId } from '../../../common/ids.ts';
import { silentLog } from '../../../common/log.ts';
import { inboxOf } from '../../support/bus/agent-end.ts';
import { givenEmbeddedBus } from '../../support/bus/given-embedded-bus.ts';

const agentId = id<AgentId>('web-1');
const closing: Array<{ close(): Promise<void> }> = [];
afterEach(async () => {
  for (const open of closing.splice(0).reverse()) await open.close();
});

async function given() {
  const bus = await givenEmbeddedBus({ listens: true });
  closing.push(bus);
  await bus.permit(agentId, { bootstrap: true });
  const certificate = await bus.issueCredentials(agentId, 'bootstrap');
  const servers = bus.endpoint().urls;
  const transport = await connectTransport(servers, certificate);
  return { bus, transport, director: await bus.connect('director'), monitor: await bus.connect('health-monitor') };
}

async function connectTransport(servers: string[], certificate: MbusCertificate): Promise<NatsTransport> {
  const options = { servers, certificate, clock: systemClock, chance: systemChance, log: silentLog };
  const transport = await NatsTransport.connect(options);
  closing.push(transport);
  return transport;
}

test('requests come and heartbeats go over mutual TLS', async () => {
  const { transport, director, monitor } = await given();
  const received: string[] = [];
  transport.subscribe(subjects.agent(agentId), (subject, payload) => received.push(`${subject} ${payload.toString()}`));
  const beats = inboxOf(monitor, subjects.heartbeat('*'));
  await vi.waitFor(() => {
    director.publish(subjects.agent(agentId), 'ping');
    expect(received).toContain('agent.web-1 ping');
  });
  transport.publish(subjects.heartbeat(agentId), Buffer.from('beat'));
  expect(await beats.next()).toEqual({ subject: 'hm.agent.heartbeat.web-1', text: 'beat' });
});

test('the bootstrap certificate is swapped for the permanent one while requests go on', async () => {
  const { bus, transport, director, monitor } = await given();
  const received: string[] = [];
  transport.subscribe(subjects.agent(agentId), (_, payload) => received.push(payload.toString()));
  await transport.swapCertificate(await bus.issueCredentials(agentId, 'permanent'));
  await bus.permit(agentId, { bootstrap: false }); // the first certificate lets nobody in any more
  const beats = inboxOf(monitor, subjects.heartbeat('*'));
  transport.publish(subjects.heartbeat(agentId), Buffer.from('still here'));
  expect((await beats.next()).text).toBe('still here');
  director.publish(subjects.agent(agentId), 'hello');
  await vi.waitFor(() => expect(received).toEqual(['hello']));
});

test('a server whose common name is not one of the bus is refused', () => {
  const named = (CN: string) => checkBusServer('10.0.0.1', { subject: { CN } } as Parameters<typeof checkBusServer>[1]);
  expect(named('default.nats.bosh-internal')).toBeUndefined();
  expect(named('*.nats.bosh-internal')).toBeUndefined();
  expect(named('evil.nats.bosh-internal.example.com')).toBeInstanceOf(Error);
  expect(named('default.director.bosh-internal')).toBeInstanceOf(Error);
});

test('a bus that was away for a second is found again soon, not in ten', async () => {
  const bus = await givenEmbeddedBus({ listens: true });
  closing.push(bus);
  const director = await bus.connect('director');
  await bus.permit(agentId, { bootstrap: false });
  const certificate = await bus.issueCredentials(agentId, 'permanent');
  const road = await givenRoad(Number(new URL(bus.endpoint().urls[0] ?? '').port));
  closing.push(road);
  const servers = [`nats://127.0.0.1:${road.port}`];
  const transport = await connectTransport(servers, certificate);
  const received: string[] = [];
  transport.subscribe(subjects.agent(agentId), (_, payload) => received.push(payload.toString()));

  await road.close();
  await systemClock.sleep(1_000);
  await road.open();
  await vi.waitFor(
    () => {
      director.publish(subjects.agent(agentId), 'ping');
      expect(received).toContain('ping');
    },
    { timeout: 8_000 },
  );
});

/** Connections to a port here go on to that one, while it is open. */
async function givenRoad(to: number) {
  const sockets = new Set<Socket>();
  const server = createServer((from) => {
    const onward = connect(to, '127.0.0.1');
    for (const socket of [from, onward]) {
      sockets.add(socket);
      socket.on('error', () => {}); // it is closed next
      socket.on('close', () => [from, onward].forEach((end) => end.destroy()));
    }
    from.pipe(onward).pipe(from);
  });
  const open = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await open(0);
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return {
    port,
    open: () => open(port),
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
  };
}

test('an agent is back soon after a short outage, waits 10 s at the most in a long one, and not in step with others', () => {
  const waits = (seed: number) =>
    Array.from({ length: 12 }, (_, failures) => reconnectAfterMs(failures, seededChance(seed)));
  const of = (seed: number) =>
    waits(seed)
      .slice(0, 4)
      .reduce((sum, ms) => sum + ms);
  expect(of(1)).toBeLessThan(4_000);
  expect(Math.min(...waits(1))).toBeGreaterThan(100);
  expect(Math.max(...waits(1))).toBeLessThanOrEqual(10_000);
  expect(waits(1).at(-1)).toBeGreaterThanOrEqual(5_000);
  expect(waits(1)).not.toEqual(waits(2));
});
