import { afterEach, beforeEach, expect, test } from 'vitest';
import { givenHealth } from '../../../support/health/given-health.ts';

let monitor: Awaited<ReturnType<typeof givenHealth>>;

beforeEach(async () => {
  const resurrector = { minimumDownJobs: 5, percentThreshold: 20, timeThresholdMs: 600_000 };
  monitor = await givenHealth({ resurrector });
});

afterEach(() => monitor.close());

const agents = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `agent-${from + n}`);

async function given(count: number, group = 'web') {
  for (let index = 0; index < count; index++) await monitor.instance({ group, index, agent: `agent-${index}` });
  await monitor.start();
}

const update = (content: string, name = 'default') =>
  monitor.store.configs.create({ type: 'resurrection', name, content, team: null }, monitor.clock.now());

/** What the resurrector itself has told. */
const said = () => monitor.alerts().filter(({ source }) => source === 'HM plugin resurrector');

test('an instance whose agent is silent is scanned and fixed, and that is told, in BOSH’s words', async () => {
  await given(3);
  await monitor.pass(90, ...agents(1, 3));
  expect(monitor.scans.asked).toEqual([{ deployment: 'web', jobs: { web: ['web-web-0'] } }]);
  expect(said()).toMatchObject([
    {
      severity: 4,
      category: null,
      title: 'Scan unresponsive VMs',
      summary:
        "Notifying Director to scan instances: web/web-web-0; deployment: 'web'; 1 of 3 agents are unhealthy (33.3%)",
      deployment: 'web',
    },
  ]);
});

test('an instance without a VM counts among those that should live, and is fixed', async () => {
  await monitor.instance({ index: 0, agent: null });
  await monitor.instance({ index: 1, agent: 'agent-1' });
  await monitor.start();
  await monitor.pass(90, 'agent-1');
  expect(monitor.scans.asked).toEqual([{ deployment: 'web', jobs: { web: ['web-web-0'] } }]);
  expect(said()[0]?.['summary']).toContain('1 of 2 agents are unhealthy (50.0%)');
});

test('when five and a fifth of all are dead it is a meltdown: nothing is touched, and that is told', async () => {
  await given(25);
  await monitor.pass(90, ...agents(5, 25));
  expect(monitor.scans.asked).toEqual([]);
  expect(said()).toMatchObject([
    {
      severity: 1,
      title: 'We are in meltdown',
      summary: expect.stringMatching(
        /^Skipping resurrection for instances: web\/web-web-0, .*; deployment: 'web'; 5 of 25 agents are unhealthy \(20\.0%\)$/,
      ),
    },
  ]);
});

test('five of many are none, nor are four of four', async () => {
  await given(26);
  await monitor.pass(90, ...agents(5, 26));
  expect(monitor.scans.asked).toHaveLength(1);
  expect(said().map(({ title }) => title)).toEqual(['Scan unresponsive VMs']);
});

test('of few instances all may die and come back', async () => {
  await given(4);
  await monitor.pass(90);
  expect(monitor.scans.asked).toMatchObject([{ jobs: { web: expect.arrayContaining(['web-web-0', 'web-web-3']) } }]);
});

test('what was dead counts towards a meltdown for ten minutes, and no longer', async () => {
  await given(20);
  await monitor.pass(90, ...agents(4, 20)); // four die
  expect(monitor.scans.asked).toHaveLength(1);
  await monitor.pass(60, ...agents(0, 20)); // and come back
  monitor.told();
  await monitor.pass(120, ...agents(0, 4), ...agents(5, 20)); // then a fifth
  expect(said().map(({ title }) => title)).toContain('We are in meltdown');
  await monitor.pass(600, ...agents(0, 4), ...agents(5, 20));
  monitor.told();
  await monitor.pass(60, ...agents(0, 4), ...agents(5, 20));
  expect(said().map(({ title }) => title)).toEqual(['Scan unresponsive VMs']);
});

test('one at a time: while a scan waits or runs for the deployment none is added', async () => {
  await given(3);
  monitor.scans.underWay.add('web');
  await monitor.pass(150, ...agents(1, 3));
  expect(monitor.scans.asked).toEqual([]);
  expect(said()).toEqual([]);
  monitor.scans.underWay.clear();
  await monitor.pass(60, ...agents(1, 3));
  expect(monitor.scans.asked).toHaveLength(1);
});

test('switched off for the whole director, or refused by it, nothing is told to have been begun', async () => {
  await given(3);
  monitor.scans.paused = true;
  await monitor.pass(90, ...agents(1, 3));
  monitor.scans.paused = false;
  monitor.scans.refuses = true;
  await monitor.pass(60, ...agents(1, 3));
  expect(monitor.scans.asked).toEqual([]);
  expect(said()).toEqual([]);
});

test('an ignored instance is told of and left alone', async () => {
  await monitor.instance({ index: 0, agent: 'agent-0', ignore: true });
  await monitor.instance({ index: 1, agent: 'agent-1' });
  await monitor.start();
  await monitor.pass(90, 'agent-1');
  expect(monitor.titles()).toEqual(['agent-0 has timed out', 'web has instances with timed out agents']);
  expect(monitor.scans.asked).toEqual([]);
});

test('a resurrection config decides for deployments and groups; one rule that says no is enough', async () => {
  await monitor.instance({ group: 'web', index: 0, agent: 'agent-0' });
  await monitor.instance({ group: 'db', index: 0, agent: 'agent-1' });
  await update('rules: [{enabled: true, include: {deployments: [web]}}]');
  await update('rules: [{enabled: false, include: {deployments: [web], instance_groups: [db]}}]', 'databases');
  await monitor.start();
  await monitor.pass(90);
  expect(monitor.scans.asked).toEqual([{ deployment: 'web', jobs: { web: ['web-web-0'] } }]);
  expect(said()).toMatchObject([
    { severity: 4, title: 'Scan unresponsive VMs' },
    {
      severity: 1,
      title: 'Resurrection is disabled by resurrection config',
      summary:
        "Skipping resurrection for instances: db/web-db-0; deployment: 'web'; 2 of 2 agents are unhealthy (100.0%)" +
        ' because of resurrection config',
    },
  ]);

  // It is obeyed at the next judgement.
  await monitor.store.configs.delete({ type: 'resurrection', name: 'databases' });
  await monitor.pass(60);
  expect(monitor.scans.asked.at(-1)?.jobs).toEqual({ web: ['web-web-0'], db: ['web-db-0'] });
});

test('a rule that is wrong keeps the others of its config from nothing', async () => {
  await given(1);
  await update('rules: [{enabled: sometimes}, {include: {}}, {enabled: false, exclude: {deployments: [other]}}]');
  await monitor.pass(90);
  expect(monitor.scans.asked).toEqual([]);
  expect(said().map(({ title }) => title)).toEqual(['Resurrection is disabled by resurrection config']);
});

test('of hundreds of instances the first are named', async () => {
  await given(120);
  await monitor.pass(90);
  expect(said()[0]?.['summary']).toMatch(/web\/web-web-99 and 20 more; deployment: 'web'; 120 of 120/);
});
