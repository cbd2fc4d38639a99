import { expect, test } from 'vitest';
import { VirtualClock } from '../../../../common/clock.ts';
import { id, type AgentId } from '../../../../common/ids.ts';
import { silentLog } from '../../../../common/log.ts';
import { listenToHeartbeats } from '../../../../director/bus/heartbeats.ts';
import { givenEmbeddedBus } from '../../../support/bus/given-embedded-bus.ts';
import { ScriptedAgent } from '../../../support/bus/scripted-agent.ts';

const delivered = () => new Promise<void>((resolve) => setImmediate(resolve));

async function given(limits = {}) {
  const clock = new VirtualClock();
  const bus = await givenEmbeddedBus({ clock });
  const heartbeats = listenToHeartbeats(await bus.connect('health-monitor'), { clock, log: silentLog, limits });
  const agent = (name: string) => ScriptedAgent.on(bus, {}, id<AgentId>(name));
  return { clock, heartbeats, agent };
}

test('the last heartbeat of each agent is known, with its time', async () => {
  const { clock, heartbeats, agent } = await given();
  const web = await agent('web');
  expect(heartbeats.last(web.id)).toBeUndefined();
  web.beat({ job_state: 'starting' });
  await clock.advance(30_000);
  web.beat({ job_state: 'running' });
  await delivered();
  expect(heartbeats.last(web.id)).toEqual({ atMs: clock.now(), heartbeat: { job_state: 'running' } });
  heartbeats.forget(web.id);
  expect(heartbeats.last(web.id)).toBeUndefined();
});

test('listeners hear all, waiters hear the next one of their agent', async () => {
  const { heartbeats, agent } = await given();
  const [web, db] = [await agent('web'), await agent('db')];
  const heard: string[] = [];
  const stop = heartbeats.onHeartbeat((agentId) => heard.push(agentId));
  heartbeats.onNext(web.id, () => heard.push('web is here'));
  heartbeats.onNext(web.id, () => heard.push('never'))();
  db.beat();
  web.beat();
  web.beat();
  await delivered();
  expect(heard).toEqual(['db', 'web', 'web is here', 'web']);
  stop();
  web.beat();
  await delivered();
  expect(heard).toHaveLength(4);
});

test('the agent that was silent for longest is forgotten first', async () => {
  const { heartbeats, agent } = await given({ agentsMax: 2 });
  const [a, b, c] = [await agent('a'), await agent('b'), await agent('c')];
  a.beat();
  b.beat();
  a.beat();
  c.beat();
  await delivered();
  expect([a, b, c].map(({ id: agentId }) => heartbeats.last(agentId) !== undefined)).toEqual([true, false, true]);
});

test.each([
  ['no JSON', '{'],
  ['no object', 'null'],
  ['no state', '{}'],
  ['too long', JSON.stringify({ job_state: 'x'.repeat(70_000) })],
])('a heartbeat that is none is not kept: %s', async (_, payload) => {
  const { heartbeats, agent } = await given();
  const web = await agent('web');
  web.say('hm.agent.heartbeat.web', payload);
  await delivered();
  expect(heartbeats.last(web.id)).toBeUndefined();
});

test('after close nothing is heard', async () => {
  const { heartbeats, agent } = await given();
  const web = await agent('web');
  heartbeats.close();
  web.beat();
  await delivered();
  expect(heartbeats.last(web.id)).toBeUndefined();
});
