import { afterEach, beforeEach, expect, test } from 'vitest';
import { id, taskId } from '../../../../common/ids.ts';
import { givenHealth } from '../../../support/health/given-health.ts';

let monitor: Awaited<ReturnType<typeof givenHealth>>;

beforeEach(async () => {
  monitor = await givenHealth();
});

afterEach(() => monitor.close());

/** From its start to its first judgement: the grace period, and one interval. */
const firstJudgementS = 90;

test('an agent that falls silent has timed out, and its deployment has instances with such agents, in BOSH’s words', async () => {
  await monitor.instance({ index: 0, agent: 'agent-0' });
  await monitor.instance({ index: 1, agent: 'agent-1' });
  await monitor.start();
  await monitor.pass(firstJudgementS, 'agent-0', 'agent-1');
  expect(monitor.alerts()).toEqual([]);

  await monitor.pass(60, 'agent-1');
  const about = {
    kind: 'alert',
    id: expect.any(String),
    severity: 2,
    deployment: 'web',
    created_at: expect.any(Number),
  };
  expect(monitor.alerts()).toEqual([
    {
      ...about,
      category: 'vm_health',
      title: 'agent-0 has timed out',
      summary: 'agent-0 has timed out',
      source: 'web: web(web-web-0) [id=agent-0, index=0, cid=vm-of-agent-0]',
    },
    {
      ...about,
      category: 'deployment_health',
      title: 'web has instances with timed out agents',
      summary: 'web has instances with timed out agents',
      source: 'web',
    },
  ]);

  // It is told again with each judgement, until it speaks.
  await monitor.pass(60, 'agent-1');
  expect(monitor.titles()).toHaveLength(2);
  await monitor.pass(60, 'agent-0', 'agent-1');
  expect(monitor.titles()).toEqual([]);
});

test('an instance that should have a VM and has none is told of; errands, stopped hard and never made ones are not', async () => {
  await monitor.instance({ index: 0, agent: null });
  await monitor.instance({ index: 1, agent: null, lifecycle: 'errand' });
  await monitor.instance({ index: 2, agent: null, state: 'detached' });
  await monitor.instance({ index: 3, agent: null, lifecycle: null });
  await monitor.instance({ index: 4, agent: null, state: 'stopped' });
  await monitor.start();
  await monitor.pass(firstJudgementS);
  expect(monitor.alerts()).toMatchObject([
    {
      title: 'web-web-0 has no VM',
      severity: 2,
      category: 'vm_health',
      source: 'web: web(web-web-0) [index=0, cid=]',
      deployment: 'web',
    },
    { title: 'web-web-4 has no VM' },
    { title: 'web has instances which do not have VMs', severity: 2, category: 'deployment_health', source: 'web' },
  ]);
});

test('while a task is at work on a deployment nothing of it is judged', async () => {
  await monitor.instance({ index: 0, agent: 'agent-0' });
  await monitor.instance({ index: 1, agent: null });
  await monitor.instance({ deployment: 'other', index: 0, agent: 'agent-other' });
  const { store, clock } = monitor;
  await store.tasks.create(
    {
      type: 'update_deployment',
      description: '',
      lane: 'normal',
      args: null,
      user: 'admin',
      deployment: id('web'),
      contextId: '',
      teams: [],
    },
    clock.now(),
  );
  const claimed = await store.tasks.claim({ owner: 'me', lanes: ['normal'], leaseMs: 3_600_000, nowMs: clock.now() });
  if (claimed === undefined) throw new Error('there was a task');
  await store.locks.acquire('lock:deployment:web', claimed.lease, { lockMs: 3_600_000, nowMs: clock.now() });
  await monitor.start();
  await monitor.pass(firstJudgementS);
  expect(monitor.titles()).toEqual(['agent-other has timed out', 'other has instances with timed out agents']);

  await store.tasks.finish(claimed.lease, { state: 'done', result: null, nowMs: clock.now() });
  expect(claimed.task.id).toBe(taskId(1));
  await monitor.pass(60, 'agent-other', 'agent-0');
  expect(monitor.titles()).toEqual(['web-web-1 has no VM', 'web has instances which do not have VMs']);
});

test('an agent of no deployment is told of after two minutes, and forgotten once it is silent', async () => {
  await monitor.start();
  await monitor.pass(120, 'stranger');
  expect(monitor.titles()).toEqual([]);
  await monitor.pass(60, 'stranger');
  expect(monitor.alerts()).toMatchObject([
    { title: 'stranger is not a part of any deployment', severity: 2, category: null, source: 'agent stranger []' },
  ]);
  expect(monitor.health.counts()?.total_available_agents).toEqual({ unmanaged: 1 });

  await monitor.pass(120);
  monitor.told();
  expect(monitor.health.counts()?.total_available_agents).toEqual({ unmanaged: 0 });
  await monitor.pass(120);
  expect(monitor.titles()).toEqual([]);
});

test('a machine whose heartbeat comes before the monitor knows it is no stranger once it does', async () => {
  await monitor.instance({ index: 0, agent: null });
  await monitor.start();
  monitor.beat('agent-0');
  expect(monitor.health.figures().agents).toMatchObject({ managed: 0, unmanaged: 1 });
  await monitor.vm('web-web-0', 'agent-0');
  await monitor.pass(firstJudgementS + 60, 'agent-0');
  expect(monitor.titles()).toEqual([]);
  expect(monitor.health.figures().agents).toMatchObject({ managed: 1, unmanaged: 0 });
});

test('an agent that says that it shuts down is not missed until the store still has it a minute after', async () => {
  await monitor.instance({ index: 0, agent: 'agent-0' });
  await monitor.start();
  await monitor.pass(firstJudgementS, 'agent-0');
  monitor.connection.hear('hm.agent.shutdown.agent-0', null);
  expect(monitor.health.counts()?.total_available_agents).toEqual({ web: 0, unmanaged: 0 });
  await monitor.pass(60);
  expect(monitor.titles()).toEqual([]);
  await monitor.pass(120);
  expect(monitor.titles()).toContain('agent-0 has timed out');
});

test('what is deleted is forgotten', async () => {
  await monitor.instance({ index: 0, agent: 'agent-0' });
  await monitor.start();
  await monitor.store.instances.forgetVm(id('agent-0'));
  await monitor.store.instances.delete(id('web-web-0'));
  await monitor.store.deployments.delete('web');
  await monitor.pass(firstJudgementS + 120);
  expect(monitor.titles()).toEqual([]);
  expect(monitor.health.counts()).toMatchObject({ unresponsive_agents: {}, total_available_agents: { unmanaged: 0 } });
});

test('when the store cannot be read that is told, and nobody is judged by what was there before', async () => {
  await monitor.instance({ index: 0, agent: 'agent-0' });
  await monitor.start();
  monitor.broken.store = true;
  await monitor.pass(firstJudgementS);
  const alerts = monitor.alerts();
  expect(new Set(alerts.map(({ title }) => title))).toEqual(new Set(['Health monitor failed to connect to director']));
  expect(alerts[0]).toMatchObject({ severity: 3, summary: 'the disk is gone', source: 'hm' });
  monitor.broken.store = false;
  await monitor.pass(60);
  expect(monitor.titles()).toContain('agent-0 has timed out');
});

test('agents are counted by what they last said', async () => {
  for (const index of [0, 1, 2, 3, 4]) await monitor.instance({ index, agent: `agent-${index}` });
  expect(() => monitor.health).toThrow();
  await monitor.start();
  monitor.beat('agent-0');
  monitor.beat('agent-1', { number_of_processes: 0 });
  monitor.beat('agent-2', { job_state: 'failing' });
  monitor.beat('agent-3', { job_state: 'stopped' });
  expect(monitor.health.counts()).toEqual({
    unresponsive_agents: { web: 0 },
    unhealthy_agents: { web: 1 },
    failing_instances: { web: 1 },
    stopped_instances: { web: 1 },
    unknown_instances: { web: 1 },
    total_available_agents: { web: 5, unmanaged: 0 },
  });
  await monitor.pass(61, 'agent-0');
  expect(monitor.health.counts()?.unresponsive_agents).toEqual({ web: 4 });
});
