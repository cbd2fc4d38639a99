import { describe, expect, test } from 'vitest';
import { id } from '../../../../common/ids.ts';
import { explain } from '../../../../director/explain/explain.ts';
import type { InstanceFacts, Watch } from '../../../../director/explain/facts.ts';
import type { Instance, Vm } from '../../../../director/store/instances.ts';

const nowMs = 1_000_000_000;

const vm: Vm = {
  agentId: id('agent'),
  cid: id('vm-1'),
  instanceId: id('0a'),
  state: 'live',
  active: true,
  cpi: '',
  stemcell: { name: 's', version: '1', cid: id('sc'), apiVersion: 2 },
  cloudProperties: {},
  networks: {},
  env: {},
  permanentCredentials: true,
  createdAtMs: 0,
  problem: null,
};

const serving: Instance = {
  id: id('0a'),
  number: 1,
  deployment: id('cf'),
  group: 'web',
  index: 0,
  az: 'z1',
  state: 'started',
  bootstrap: true,
  ignore: false,
  compilation: false,
  updateCompleted: true,
  spec: {},
  vms: [vm],
  disks: [],
  ips: [],
};

const watching = (kind: Exclude<Watch['resurrection']['kind'], 'meltdown'> = 'acts'): Watch => ({
  agentTimeoutMs: 60_000,
  judgesEveryMs: 60_000,
  resurrection: { kind },
});

/** A running instance of a director that watches; each test says what is different. */
const told = (facts: Partial<InstanceFacts> & { of?: Partial<Instance> } = {}) => {
  const { of = {}, ...rest } = facts;
  return explain({
    nowMs,
    instance: { ...serving, ...of },
    expectsVm: true,
    atWork: null,
    broke: null,
    problems: [],
    heartbeat: { atMs: nowMs - 10_000, jobState: 'running' },
    watch: watching(),
    ...rest,
  });
};

const silent = { heartbeat: { atMs: nowMs - 90_000, jobState: 'running' } };

test('of one that runs it is told when silence would be noticed, and there is nothing to do', () => {
  expect(told()).toEqual({
    instance: 'web/0a',
    deployment: 'cf',
    wanted: 'started',
    state: 'running',
    reasons: ['Its agent says that all its processes run.'],
    next: [
      {
        rule: 'health monitor',
        what: 'if its agent stays silent, it counts as timed out after 60 s',
        by: 1_000_110,
      },
    ],
    options: [],
  });
});

test('of one whose agent is silent it is told that it gets another VM, when, and how to have it at once', () => {
  expect(told(silent)).toMatchObject({
    state: 'agent silent',
    reasons: ['Its agent was last heard of 90 s ago.'],
    next: [{ rule: 'resurrector', what: expect.stringContaining('another VM with its disk'), by: 1_000_060 }],
    options: [{ command: 'gantry -d cf cloud-check' }, { command: 'gantry -d cf recreate web/0a --fix --no-converge' }],
  });
});

describe('nothing is done about it, and it is told why', () => {
  test.each([
    ['off', 'switched off in the config'],
    ['paused', 'paused for the whole director'],
    ['forbidden', 'a config of the type resurrection'],
    ['stateful', 'instances with a persistent disk'],
  ] as const)('%s', (kind, why) => {
    const { next, options } = told({ ...silent, watch: watching(kind) });
    expect(next).toEqual([{ rule: 'resurrector', what: expect.stringContaining(why), by: null }]);
    expect(options.some(({ command }) => command === 'gantry update-resurrection on')).toBe(kind === 'paused');
  });

  test('meltdown, with its figures', () => {
    const watch: Watch = { ...watching(), resurrection: { kind: 'meltdown', why: '6 of 10' } };
    expect(told({ ...silent, watch }).next).toEqual([
      { rule: 'resurrector', what: 'waits: so many are dead that it may be the network (6 of 10)', by: null },
    ]);
  });

  test('ignored: nobody touches it', () => {
    const { next, reasons, options } = told({ ...silent, of: { ignore: true } });
    expect(next).toEqual([]);
    expect(reasons).toContain('It is ignored: nothing and nobody touches it until it is unignored.');
    expect(options[0]?.command).toBe('gantry -d cf unignore web/0a');
  });

  test('nobody watches', () => {
    expect(told({ watch: null, heartbeat: null })).toMatchObject({ state: 'not heard of yet', next: [] });
  });
});

test('while a task is at work on the deployment, it is told which, and nothing else acts', () => {
  expect(told({ ...silent, atWork: { id: 7, description: 'create deployment' } })).toMatchObject({
    next: [{ rule: 'task 7', what: 'create deployment: nothing else acts until it has ended' }],
    options: [{ command: 'gantry task 7' }, { command: 'gantry cancel-task 7' }],
  });
});

test('after a deploy that broke off, its error is told in a line, with what can be done', () => {
  const broke = { id: 9, description: 'create deployment', state: 'error' as const, result: 'no room\nat all' };
  const { reasons, options } = told({ broke, of: { updateCompleted: false } });
  expect(reasons).toEqual([
    'Its agent says that all its processes run.',
    'Its last update did not complete.',
    'Task 9 (create deployment) ended as error: no room.',
  ]);
  expect(options.map(({ command }) => command)).toEqual(['gantry task 9 --debug', 'gantry rollback cf --dry-run']);
});

test.each<[state: string, Parameters<typeof told>[0]]>([
  ['failing', { heartbeat: { atMs: nowMs, jobState: 'failing' } }],
  ['stopped', { of: { state: 'stopped' } }],
  ['stopped, without a VM', { of: { state: 'detached', vms: [] } }],
  ['no VM, and none needed', { of: { vms: [] }, expectsVm: false }],
  ['no VM', { of: { vms: [] } }],
  ['VM half made', { of: { vms: [{ ...vm, state: 'creating', active: false }] } }],
  ['not made yet', { of: { vms: [], spec: null }, expectsVm: false }],
])('%s', (state, facts) => {
  const explanation = told(facts);
  expect(explanation.state).toBe(state);
  expect(explanation.reasons).not.toEqual([]);
});

test('what is left over, and what was found, is told', () => {
  const old: Vm = {
    ...vm,
    agentId: id('old'),
    cid: id('vm-0'),
    state: 'deleting',
    active: false,
    problem: 'it is locked',
  };
  const { reasons } = told({ of: { vms: [vm, old] }, problems: ["Disk 'd-1' (web/0a, 10M) is missing"] });
  expect(reasons.slice(1)).toEqual([
    'VM vm-0: it is locked.',
    'A VM of it should be deleted and still may be there.',
    "Cloud check found: Disk 'd-1' (web/0a, 10M) is missing",
  ]);
});
