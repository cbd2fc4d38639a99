import { afterEach, expect, test } from 'vitest';
import { givenHealth } from '../../../support/health/given-health.ts';

let monitor: Awaited<ReturnType<typeof givenHealth>>;

afterEach(() => monitor.close());

const alert = (more: object = {}) => ({
  id: 'a-1',
  severity: 1,
  title: 'web (10.0.0.2) - does not exist - restart',
  summary: 'process is not running',
  created_at: 1_893_456_000,
  ...more,
});

test('an alert of an agent is told with whom it comes from, and once however often it comes', async () => {
  monitor = await givenHealth();
  await monitor.instance({ index: 0, agent: 'agent-0' });
  await monitor.start();
  for (const times of [1, 2, 3]) monitor.connection.hear('hm.agent.alert.agent-0', alert({ extra: times }));
  await monitor.clock.advance(1);
  expect(monitor.told()).toEqual([
    {
      kind: 'alert',
      id: 'a-1',
      severity: 1,
      category: null,
      title: 'web (10.0.0.2) - does not exist - restart',
      summary: 'process is not running',
      source: 'web: web(web-web-0) [id=agent-0, index=0, cid=vm-of-agent-0]',
      deployment: 'web',
      job: 'web',
      instanceId: 'web-web-0',
      createdAt: 1_893_456_000,
    },
  ]);
  expect(monitor.health.figures().duplicates).toBe(2);

  await monitor.clock.advance(61_000); // by then it is forgotten
  monitor.connection.hear('hm.agent.alert.agent-0', alert());
  await monitor.clock.advance(1);
  expect(monitor.told()).toHaveLength(1);
});

test('an alert that names its source keeps it, one without a summary is summed up by its title, without an id it has one', async () => {
  monitor = await givenHealth();
  await monitor.start();
  monitor.connection.hear('hm.agent.alert.stranger', { severity: 4, title: 'disk', created_at: 5, source: 'me' });
  await monitor.clock.advance(1);
  expect(monitor.alerts()).toMatchObject([
    {
      id: expect.any(String),
      severity: 4,
      title: 'disk',
      summary: 'disk',
      source: 'me',
      deployment: null,
      created_at: 5,
    },
  ]);
});

test('the director’s own alerts need an id and a summary too', async () => {
  monitor = await givenHealth();
  await monitor.start();
  const { id: _, ...without } = alert();
  monitor.connection.hear('hm.director.alert', without);
  monitor.connection.hear('hm.director.alert', alert({ source: 'director', title: 'director - snapshot failure' }));
  await monitor.clock.advance(1);
  expect(monitor.titles()).toEqual(['director - snapshot failure']);
  expect(monitor.health.figures().intake.dropped.malformed).toBe(1);
});

test.each([
  ['no JSON', Buffer.from('{')],
  ['no map', 'text'],
  ['no severity', alert({ severity: undefined })],
  ['a severity that is no whole number', alert({ severity: 1.5 })],
  ['a negative severity', alert({ severity: -1 })],
  ['no title', alert({ title: undefined })],
  ['no time', alert({ created_at: undefined })],
  ['a time that is none', alert({ created_at: 'today' })],
  ['an id that would fill the memory of ids', alert({ id: 'x'.repeat(257) })],
  ['more bytes than an alert has', alert({ more: 'x'.repeat(70_000) })],
])('an alert with %s is counted and not told', async (_, message) => {
  monitor = await givenHealth();
  await monitor.start();
  monitor.connection.hear('hm.agent.alert.agent-0', message);
  await monitor.clock.advance(1);
  expect(monitor.titles()).toEqual([]);
  expect(monitor.health.figures().intake.dropped.malformed).toBe(1);
});

test('an agent that floods hides nobody: what is too much of it is counted', async () => {
  monitor = await givenHealth({ alertsPerAgentMinute: 60 });
  await monitor.start();
  for (let n = 0; n < 1_000; n++) monitor.connection.hear('hm.agent.alert.loud', alert({ id: `loud-${n}` }));
  monitor.connection.hear('hm.agent.alert.quiet', alert({ id: 'quiet' }));
  await monitor.clock.advance(1);
  const ids = monitor.alerts().map((each) => String(each['id']));
  expect(ids.filter((each) => each.startsWith('loud'))).toHaveLength(60);
  expect(ids).toContain('quiet');
  expect(monitor.health.figures().intake.dropped.agent_limit).toBe(940);

  await monitor.clock.advance(10_000); // a sixth of its minute
  for (let n = 0; n < 20; n++) monitor.connection.hear('hm.agent.alert.loud', alert({ id: `later-${n}` }));
  await monitor.clock.advance(1);
  expect(monitor.titles()).toHaveLength(10);
});

test('all together may not say more than the monitor can tell', async () => {
  monitor = await givenHealth({ alertsPerSecond: 10 });
  await monitor.start();
  for (let n = 0; n < 1_000; n++) monitor.connection.hear(`hm.agent.alert.agent-${n}`, alert({ id: `a-${n}` }));
  await monitor.clock.advance(1);
  expect(monitor.titles()).toHaveLength(100);
  await monitor.clock.advance(2_000);
  for (let n = 0; n < 1_000; n++) monitor.connection.hear(`hm.agent.alert.agent-${n}`, alert({ id: `b-${n}` }));
  await monitor.clock.advance(1);
  expect(monitor.titles()).toHaveLength(20);
  expect(monitor.health.figures().intake.dropped.total_limit).toBe(1_880);
});

test('strangers without end fill no memory', async () => {
  monitor = await givenHealth();
  await monitor.start();
  for (let n = 0; n < 10_050; n++) monitor.beat(`stranger-${n}`);
  monitor.connection.hear('hm.agent.alert.one-more', alert());
  expect(monitor.health.figures()).toMatchObject({
    agents: { unmanaged: 10_000 },
    intake: { dropped: { stranger: 1 } },
  });
});

test('heartbeats are told complete, with metrics and teams, and those of machines that are not known yet are not', async () => {
  monitor = await givenHealth({ wants: ['heartbeat'] });
  await monitor.instance({ index: 3, agent: 'agent-0' });
  await monitor.start();
  monitor.beat('not-yet');
  monitor.beat('agent-0', {
    index: 3,
    vitals: {
      load: ['0.10', '0.2', '0.3'],
      cpu: { user: '1.1', sys: '2.2', wait: '3.3' },
      mem: { percent: '10', kb: '1000' },
      disk: { system: { percent: '50', inode_percent: 'so many\nall' } },
    },
  });
  await monitor.clock.advance(1);
  const { toWire } = await import('../../../../director/health/events.ts');
  const tags = { job: 'web', index: '3', id: 'web-web-3' };
  const timestamp = Math.floor(monitor.clock.now() / 1000);
  const metric = (name: string, value: string) => ({ name, value, timestamp, tags });
  expect(monitor.told().map(toWire)).toEqual([
    {
      kind: 'heartbeat',
      id: expect.any(String),
      timestamp,
      deployment: 'web',
      agent_id: 'agent-0',
      job: 'web',
      index: '3',
      instance_id: 'web-web-3',
      job_state: 'running',
      vitals: expect.any(Object),
      teams: ['ateam'],
      metrics: [
        metric('system.load.1m', '0.10'),
        metric('system.cpu.user', '1.1'),
        metric('system.cpu.sys', '2.2'),
        metric('system.cpu.wait', '3.3'),
        metric('system.mem.percent', '10'),
        metric('system.mem.kb', '1000'),
        metric('system.disk.system.percent', '50'),
        metric('system.healthy', '1'),
      ],
      number_of_processes: 1,
    },
  ]);
});
