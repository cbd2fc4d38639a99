import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { messageBytesMax } from '../../agent/protocol.ts';
import { id, type AgentId } from '../../common/ids.ts';
import type { Bus, BusConnection, CredentialsKind } from '../../director/bus/bus.ts';
import { inboxOf, type AgentEnd } from '../support/bus/agent-end.ts';

export interface BusUnderTest {
  bus: Bus;
  /** @throws Error when the bus does not let the agent in */
  connectAgent: (agentId: AgentId, kind: CredentialsKind) => Promise<AgentEnd>;
  close: () => Promise<void>;
}

const web = id<AgentId>('7d5c1a34-0000-4000-8000-000000000001');
const db = id<AgentId>('7d5c1a34-0000-4000-8000-000000000002');

/** What every bus does, whoever carries the messages. */
export function busContract(name: string, open: () => Promise<BusUnderTest>): void {
  describe(`bus contract: ${name}`, () => {
    let opened: BusUnderTest;
    let bus: Bus;
    let director: BusConnection;
    let monitor: BusConnection;

    /** A server that reloads its users does so in its own time: asked again until it knows them. */
    const agentOnBus = async (agentId: AgentId, kind: CredentialsKind = 'permanent'): Promise<AgentEnd> => {
      let end: AgentEnd | undefined;
      await expect
        .poll(async () => (end = await opened.connectAgent(agentId, kind).catch(() => undefined)), { timeout: 10_000 })
        .toBeDefined();
      return end as AgentEnd; // defined, as just expected
    };
    const refused = (agentId: AgentId, kind: CredentialsKind) =>
      expect
        .poll(
          () =>
            opened.connectAgent(agentId, kind).then(
              (end) => end.close().then(() => 'let in'),
              () => 'refused',
            ),
          {
            timeout: 10_000,
          },
        )
        .toBe('refused');

    beforeEach(async () => {
      opened = await open();
      bus = opened.bus;
      director = await bus.connect('director');
      monitor = await bus.connect('health-monitor');
      await bus.permit(web, { bootstrap: true });
      await bus.permit(db, { bootstrap: false });
    });

    afterEach(async () => {
      await bus.close();
      await opened.close();
    });

    test('the director asks an agent, and hears its answer on the inbox that it named', async () => {
      const agent = await agentOnBus(web);
      const asked = await agent.subscribe(`agent.${web}`);
      const answers = inboxOf(director, 'director.process-1.>');
      await director.flush();

      director.publish(`agent.${web}`, JSON.stringify({ method: 'ping', reply_to: `director.process-1.${web}.r1` }));
      const { reply_to } = JSON.parse((await asked.next()).text) as { reply_to: string };
      await agent.publish(reply_to, '{"value":"pong"}');

      expect(await answers.next()).toEqual({ subject: `director.process-1.${web}.r1`, text: '{"value":"pong"}' });
    });

    test('two directors hear only the answers to their own questions', async () => {
      const agent = await agentOnBus(web);
      const first = inboxOf(director, 'director.process-1.>');
      const other = await bus.connect('director');
      const second = inboxOf(other, 'director.process-2.>');
      await Promise.all([director.flush(), other.flush()]);

      await agent.publish(`director.process-1.${web}.a`, 'for one');
      await agent.publish(`director.process-2.${web}.b`, 'for two');

      expect((await first.next()).text).toBe('for one');
      expect((await second.next()).text).toBe('for two');
      expect(first.all).toHaveLength(1);
    });

    test('the health monitor hears heartbeats and alerts of all agents, and the director’s own alerts', async () => {
      const heard = inboxOf(monitor, 'hm.agent.heartbeat.*');
      const alerts = inboxOf(monitor, 'hm.agent.alert.*');
      const directorAlerts = inboxOf(monitor, 'hm.director.alert');
      await monitor.flush();
      const [one, two] = [await agentOnBus(web), await agentOnBus(db)];

      await one.publish(`hm.agent.heartbeat.${web}`, 'beat');
      expect(await heard.next()).toEqual({ subject: `hm.agent.heartbeat.${web}`, text: 'beat' });
      await two.publish(`hm.agent.heartbeat.${db}`, 'beat');
      expect((await heard.next()).subject).toBe(`hm.agent.heartbeat.${db}`);
      await two.publish(`hm.agent.alert.${db}`, 'alert');
      expect((await alerts.next()).text).toBe('alert');
      director.publish('hm.director.alert', 'deploying');
      expect((await directorAlerts.next()).text).toBe('deploying');
    });

    test('messages arrive in the order in which they were sent', async () => {
      const agent = await agentOnBus(web);
      const asked = await agent.subscribe(`agent.${web}`);
      for (let i = 0; i < 2_000; i++) director.publish(`agent.${web}`, String(i));
      for (let i = 0; i < 2_000; i++) expect((await asked.next()).text).toBe(String(i));
    });

    test('an agent cannot speak as another one', async () => {
      const agent = await agentOnBus(web);
      await expect(agent.publish(`hm.agent.heartbeat.${db}`, 'I am db')).rejects.toThrow(/ermission|may not/);
      await expect(agent.publish(`director.process-1.${db}.r1`, 'db says')).rejects.toThrow(/ermission|may not/);
      await expect(agent.publish(`agent.${db}`, 'the director says')).rejects.toThrow(/ermission|may not/);
      await expect(agent.publish('hm.director.alert', 'the director says')).rejects.toThrow(/ermission|may not/);
      await expect(agent.publish(`agent.${web}`, 'to myself')).rejects.toThrow(/ermission|may not/);
    });

    test('an agent cannot listen to others', async () => {
      const agent = await agentOnBus(web);
      for (const subject of [`agent.${db}`, 'agent.*', 'agent.>', '>', 'director.>', `hm.agent.heartbeat.${web}`]) {
        await expect(agent.subscribe(subject), subject).rejects.toThrow(/ermission|may not/);
      }
      await expect(agent.subscribe(`agent.${web}`)).resolves.toBeDefined();
    });

    test('the director and the health monitor keep to their own subjects', async () => {
      expect(() => director.publish('hm.agent.heartbeat.x', '')).toThrow(/may not publish/);
      expect(() => director.subscribe('hm.agent.heartbeat.*', () => {})).toThrow(/may not subscribe/);
      expect(() => director.subscribe('agent.*', () => {})).toThrow(/may not subscribe/);
      expect(() => monitor.publish(`agent.${web}`, '')).toThrow(/may not publish/);
      expect(() => monitor.subscribe('director.>', () => {})).toThrow(/may not subscribe/);
    });

    test('bootstrap credentials let an agent in until its permanent ones are in place', async () => {
      const agent = await agentOnBus(web, 'bootstrap');
      const heard = inboxOf(monitor, 'hm.agent.heartbeat.*');
      await monitor.flush();
      await agent.publish(`hm.agent.heartbeat.${web}`, 'first');
      expect((await heard.next()).text).toBe('first');

      await bus.permit(web, { bootstrap: false });
      await refused(web, 'bootstrap');
      await (await agentOnBus(web, 'permanent')).publish(`hm.agent.heartbeat.${web}`, 'second');
      expect((await heard.next()).text).toBe('second');
      await refused(db, 'bootstrap');
    });

    test('a revoked agent is not let in again', async () => {
      await agentOnBus(web);
      await bus.revoke(web);
      await refused(web, 'permanent');
      await bus.revoke(web); // again: no error
      await bus.permit(web, { bootstrap: false });
      await agentOnBus(web);
    });

    test('a connection ends when its agent is revoked', async () => {
      const agent = await agentOnBus(web);
      await bus.revoke(web);
      await expect
        .poll(
          () =>
            agent.publish(`hm.agent.heartbeat.${web}`, 'still here').then(
              () => 'open',
              () => 'closed',
            ),
          {
            timeout: 10_000,
          },
        )
        .toBe('closed');
    });

    test('an agent nobody permitted is not let in', async () => {
      await refused(id<AgentId>('7d5c1a34-0000-4000-8000-00000000000f'), 'permanent');
    });

    test('a message of 1 MiB passes, a larger one is refused to its sender', async () => {
      const agent = await agentOnBus(web);
      const asked = await agent.subscribe(`agent.${web}`);
      director.publish(`agent.${web}`, Buffer.alloc(messageBytesMax, 'x'));
      expect((await asked.next()).text).toHaveLength(messageBytesMax);

      const tooLarge = Buffer.alloc(messageBytesMax + 1);
      expect(() => director.publish(`agent.${web}`, tooLarge)).toThrow(
        expect.objectContaining({ code: 'bus-message-too-large' }),
      );
      await expect(agent.publish(`hm.agent.alert.${web}`, tooLarge)).rejects.toThrow(/payload|bytes/i);
    });

    test('no message is handed over after unsubscribe', async () => {
      const answers = inboxOf(director, 'director.process-1.>');
      const later = inboxOf(director, `director.process-1.${web}.*`);
      await director.flush();
      const agent = await agentOnBus(web);
      await agent.publish(`director.process-1.${web}.a`, 'one');
      await answers.next();
      answers.unsubscribe();
      answers.unsubscribe(); // again: no error
      await agent.publish(`director.process-1.${web}.b`, 'two');
      await later.next();
      await later.next();
      expect(answers.all).toHaveLength(1);
    });

    test('a handler that throws loses one message and not the connection', async () => {
      const heard: string[] = [];
      director.subscribe('director.process-1.>', (_, payload) => {
        heard.push(payload.toString());
        if (heard.length === 1) throw new Error('a bug');
      });
      await director.flush();
      const agent = await agentOnBus(web);
      await agent.publish(`director.process-1.${web}.a`, 'one');
      await agent.publish(`director.process-1.${web}.b`, 'two');
      await expect.poll(() => heard).toEqual(['one', 'two']);
    });

    test('a closed connection takes nothing more', async () => {
      await director.close();
      await director.close(); // again: no error
      expect(() => director.publish(`agent.${web}`, '')).toThrow(expect.objectContaining({ code: 'bus-closed' }));
      expect(() => director.subscribe('director.>', () => {})).toThrow(expect.objectContaining({ code: 'bus-closed' }));
    });
  });
}
