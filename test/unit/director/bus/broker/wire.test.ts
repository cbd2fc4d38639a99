import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../../../common/clock.ts';
import { id, type AgentId } from '../../../../../common/ids.ts';
import type { BusConnection, CredentialsKind } from '../../../../../director/bus/bus.ts';
import type { BrokerLimits } from '../../../../../director/bus/broker/limits.ts';
import { CertificateAuthority } from '../../../../../director/bus/certificates/authority.ts';
import type { EmbeddedBus } from '../../../../../director/bus/embedded-bus.ts';
import { givenEmbeddedBus } from '../../../../support/bus/given-embedded-bus.ts';
import { RawClient } from '../../../../support/bus/raw-client.ts';

const web = id<AgentId>('web');
const hello = 'CONNECT {"verbose":false,"pedantic":false,"tls_required":true}';

let clock: VirtualClock;
let bus: EmbeddedBus;
let director: BusConnection;
let clients: RawClient[];

async function open(limits: Partial<BrokerLimits> = {}): Promise<void> {
  await bus?.close();
  // Certificates count from now: real clients check them against real time.
  clock = new VirtualClock(Date.now());
  bus = await givenEmbeddedBus({ listens: true, clock, limits });
  director = await bus.connect('director');
  await bus.permit(web, { bootstrap: true });
}

beforeEach(async () => {
  clients = [];
  await open();
});
afterEach(async () => {
  await bus.close();
  for (const { socket } of clients) socket.destroy();
});

async function client(kind: CredentialsKind = 'permanent', agentId = web): Promise<RawClient> {
  const connected = await RawClient.connect(bus.endpoint().mbus, await bus.issueCredentials(agentId, kind));
  clients.push(connected);
  return connected;
}

async function greeted(): Promise<RawClient> {
  const connected = await client();
  connected.say(hello);
  return connected;
}

describe('words', () => {
  test('INFO tells what clients decide by', async () => {
    expect((await client()).info).toMatchObject({
      tls_required: true,
      tls_verify: true,
      headers: false,
      max_payload: 1_048_576,
      proto: 1,
    });
  });

  test('a verbose client hears +OK to each word, a quiet one only what it asked for', async () => {
    const verbose = await client();
    verbose.say('CONNECT {"verbose":true}', 'SUB agent.web 1', 'PUB hm.agent.alert.web 2', 'hi', 'UNSUB 1');
    expect(await verbose.linesSoFar()).toEqual(['+OK', '+OK', '+OK', '+OK']);
    const quiet = await greeted();
    quiet.say('SUB agent.web 1', 'PUB hm.agent.alert.web 2', 'hi', 'UNSUB 1');
    expect(await quiet.linesSoFar()).toEqual([]);
  });

  test('MSG carries subject, subscription, reply subject and size', async () => {
    const agent = await greeted();
    agent.say('SUB agent.web 77');
    await agent.linesSoFar();
    director.publish('agent.web', 'hello');
    director.publish('agent.web', '');
    expect([await agent.line(), await agent.line(), await agent.line(), await agent.line()]).toEqual([
      'MSG agent.web 77 5',
      'hello',
      'MSG agent.web 77 0',
      '',
    ]);
  });

  test('UNSUB with a number ends the subscription after so many messages in all', async () => {
    const agent = await greeted();
    agent.say('SUB agent.web 1', 'UNSUB 1 2');
    await agent.linesSoFar();
    for (const text of ['one', 'two', 'three']) director.publish('agent.web', text);
    expect((await agent.linesSoFar()).filter((line) => !line.startsWith('MSG'))).toEqual(['one', 'two']);
    agent.say('SUB agent.web 2');
    await agent.linesSoFar();
    director.publish('agent.web', 'four');
    await agent.line();
    agent.say('UNSUB 2 1'); // it has had one already
    await agent.linesSoFar();
    director.publish('agent.web', 'five');
    expect(await agent.linesSoFar()).toEqual([]);
  });

  test('of one queue group, one member gets each message, in turn', async () => {
    const members = [await greeted(), await greeted()];
    const single = await greeted();
    for (const member of members) member.say('SUB agent.web workers 1');
    single.say('SUB agent.web 1');
    for (const each of [...members, single]) await each.linesSoFar();
    for (let i = 0; i < 10; i++) director.publish('agent.web', String(i));
    const counts = await Promise.all([...members, single].map(async (each) => (await each.linesSoFar()).length / 2));
    expect(counts).toEqual([5, 5, 10]);
  });

  test('a second subscription under one id is not made', async () => {
    const agent = await greeted();
    agent.say('SUB agent.web 1', 'SUB agent.web 1');
    await agent.linesSoFar();
    director.publish('agent.web', 'once');
    expect(await agent.linesSoFar()).toEqual(['MSG agent.web 1 4', 'once']);
  });

  test('refusals are worded as by nats-server, and the client stays', async () => {
    const agent = await greeted();
    agent.say('SUB agent.db 1', 'PUB agent.db 2', 'hi', 'PUB a..b 0', '', 'SUB a..b 2', 'PUB hm.agent.alert.* 0', '');
    expect(await agent.linesSoFar()).toEqual([
      `-ERR 'Permissions Violation for Subscription to "agent.db"'`,
      `-ERR 'Permissions Violation for Publish to "agent.db"'`,
      `-ERR 'Invalid Publish Subject'`,
      `-ERR 'Invalid Subject'`,
      `-ERR 'Invalid Publish Subject'`,
    ]);
  });

  test.each([
    ['an unknown word', 'HELO', "-ERR 'Unknown Protocol Operation'"],
    ['headers', 'HPUB hm.agent.alert.web 12 12', "-ERR 'message headers not supported'"],
    ['a message that is too large', 'PUB hm.agent.alert.web 1048577', "-ERR 'Maximum Payload Violation'"],
    ['an endless line', `SUB ${'x'.repeat(5_000)} 1`, "-ERR 'maximum control line exceeded'"],
  ])('%s: told why, and let go', async (_, words, answer) => {
    const agent = await greeted();
    agent.say(words);
    expect(await agent.lastLines()).toEqual([answer]);
  });
});

describe('who gets in', () => {
  test('nobody without a certificate, or with one of another authority', async () => {
    const { ca } = await bus.issueCredentials(web, 'permanent');
    const lines = async (credentials: object) => {
      const stranger = await RawClient.connect(bus.endpoint().mbus, credentials).catch(() => undefined);
      stranger?.say(hello, 'PING'); // TLS 1.3: the refusal comes after the handshake
      return stranger?.lastLines() ?? [];
    };
    expect(await lines({ ca })).toEqual([]);

    const other = new CertificateAuthority(CertificateAuthority.create('other', clock), clock);
    const forged = await other.issue({ commonName: 'web.agent.bosh-internal', use: 'client', validMs: 60_000 });
    expect(await lines({ ca, certificate: forged.certificate, private_key: forged.privateKey })).toEqual([]);
    expect(bus.broker.connectionCount).toBe(1); // the director's own
  });

  test('nobody unknown, though our authority signed', async () => {
    const { certificate, private_key, ca } = await bus.issueCredentials(id<AgentId>('no.agent'), 'permanent');
    const stranger = await RawClient.connect(bus.endpoint().mbus, { certificate, private_key, ca });
    stranger.say(hello);
    expect(await stranger.lastLines()).toEqual(["-ERR 'Authorization Violation'"]);
  });

  test('an agent that is not permitted is told so when it says CONNECT', async () => {
    const stranger = await client('permanent', id<AgentId>('stranger'));
    stranger.say(hello);
    expect(await stranger.lastLines()).toEqual(["-ERR 'Authorization Violation'"]);
  });

  test('nothing is taken before CONNECT', async () => {
    const hasty = await client();
    hasty.say('PUB hm.agent.alert.web 2', 'hi');
    expect(await hasty.lastLines()).toEqual(["-ERR 'Authorization Violation'"]);
  });

  test('who is revoked is told so and let go', async () => {
    const agent = await greeted();
    await agent.linesSoFar();
    await bus.revoke(web);
    expect(await agent.lastLines()).toEqual(["-ERR 'Authorization Violation'"]);
  });

  test('with permanent credentials in place, only bootstrap connections are let go', async () => {
    const old = await client('bootstrap');
    const current = await client('permanent');
    for (const each of [old, current]) each.say(hello);
    await Promise.all([old.linesSoFar(), current.linesSoFar()]);
    await bus.permit(web, { bootstrap: false });
    expect(await old.lastLines()).toEqual(["-ERR 'Authorization Violation'"]);
    expect(await current.linesSoFar()).toEqual([]);
  });

  test('no more clients than the limit', async () => {
    await open({ connectionsMax: 1 });
    await greeted();
    await expect(client()).rejects.toThrow();
  });
});

describe('who stays', () => {
  test('a client that answers no ping is let go', async () => {
    const agent = await greeted();
    await agent.linesSoFar();
    await clock.advance(5_000); // it has spoken
    await clock.advance(5_000);
    expect(await agent.line()).toBe('PING');
    agent.say('PONG');
    await expect.poll(async () => agent.linesSoFar()).toEqual([]); // the broker has heard it
    await clock.advance(5_000 + 3 * 5_000);
    expect(await agent.lastLines()).toEqual(['PING', 'PING']);
  });

  test('a client that never says CONNECT is let go', async () => {
    const mute = await client();
    await expect.poll(() => bus.broker.connectionCount).toBe(2); // with the director's own
    await clock.advance(35_000);
    expect(await mute.lastLines()).toEqual(["-ERR 'Authentication Timeout'"]);
  });

  test('a client that does not read is let go, and what waited for it with it', async () => {
    await open({ pendingBytesMax: 2_000_000 });
    const slow = await greeted();
    slow.say('SUB agent.web 1');
    await slow.linesSoFar();
    slow.socket.pause();
    const block = Buffer.alloc(500_000);
    await expect
      .poll(
        () => {
          director.publish('agent.web', block);
          return bus.broker.connectionCount;
        },
        { interval: 1 },
      )
      .toBe(1); // the director's own
  });

  test('no more subscriptions than the limit', async () => {
    await open({ subscriptionsMax: 2 });
    const agent = await greeted();
    agent.say('SUB agent.web 1', 'SUB agent.web 2', 'SUB agent.web 3');
    expect(await agent.lastLines()).toEqual(["-ERR 'maximum subscriptions exceeded'"]);
  });

  test('closing the bus ends every connection and frees the port', async () => {
    const agent = await greeted();
    const { port } = new URL(bus.endpoint().mbus);
    await bus.close();
    await bus.close(); // again: no error
    expect(await agent.lastLines()).toEqual([]);
    expect(() => director.publish('agent.web', '')).toThrow(expect.objectContaining({ code: 'bus-closed' }));
    await expect(bus.connect('director')).rejects.toMatchObject({ code: 'bus-closed' });
    const again = await givenEmbeddedBus({ listens: true, port: Number(port) });
    await expect(givenEmbeddedBus({ listens: true, port: Number(port) })).rejects.toMatchObject({
      code: 'bus-port-unavailable',
    });
    await again.close();
  });
});
