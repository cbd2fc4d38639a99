import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { StoredBlob } from '../../../../../agent/blobs.ts';
import { createSimulation } from '../../../../../agent/platform/simulated/machine.ts';
import { SimulatedAgent } from '../../../../../agent/platform/simulated/simulated-agent.ts';
import { subjects, type Heartbeat } from '../../../../../agent/protocol.ts';
import { seededChance } from '../../../../../common/chance.ts';
import { VirtualClock } from '../../../../../common/clock.ts';
import { digestOf } from '../../../../../common/digest.ts';
import { TestBus } from '../../../../support/agent/bus.ts';
import { agentSettings, applySpec } from '../../../../support/agent/specs.ts';

function givenMachine(options: { attached?: string[] } = {}) {
  const bus = new TestBus();
  const clock = new VirtualClock();
  const stored: Buffer[] = [];
  const blobs = {
    get: () => Promise.reject(new Error('no blob is here')),
    put: async (path: string): Promise<StoredBlob> => {
      const bytes = await readFile(path);
      stored.push(bytes);
      return { blobId: `blob-${stored.length}`, multidigest: digestOf(bytes, 'sha1') };
    },
  };
  const simulation = createSimulation({ clock, chance: seededChance(1), blobs });
  let saved: string | undefined;
  const memory = { load: () => saved, save: (json: string) => void (saved = json) };
  const hardware = { isAttached: (cid: string) => options.attached?.includes(cid) ?? true };
  const agent = new SimulatedAgent(simulation, {
    settings: agentSettings(),
    transport: bus.connect(),
    memory,
    hardware,
  });
  agent.start();
  const call = (method: string, ...args: unknown[]) => bus.call('agent-1', method, args);
  const state = async () => (await call('get_state')) as { job_state: string; processes: unknown[] };
  return { bus, clock, agent, call, state, stored };
}

test('an instance goes through its life as the director drives it', async () => {
  const { call, state } = givenMachine();
  expect(await call('ping')).toBe('pong');
  expect(await call('info')).toEqual({ api_version: 1 });
  expect(await state()).toMatchObject({ agent_id: 'agent-1', job_state: 'running', vm: { name: 'vm-1' } });

  const spec = applySpec();
  expect(await call('prepare', spec)).toBe('prepared');
  expect(await call('apply', spec)).toBe('applied');
  expect(await call('run_script', 'pre-start', {})).toEqual({ web: 'executed', worker: 'executed' });
  expect(await call('start')).toBe('started');
  expect(await call('get_state', 'full')).toMatchObject({
    ...spec,
    job_state: 'running',
    vitals: { load: expect.anything() },
  });

  expect(await call('drain', 'update', spec)).toBe(0);
  expect(await call('stop')).toBe('stopped');
  expect((await state()).job_state).toBe('stopped');
});

test('the first heartbeat comes at once, then one every 30 s from each machine on its own', async () => {
  const { bus, clock, agent } = givenMachine();
  const beats = () => bus.messages(subjects.heartbeat('agent-1'));
  expect(beats()).toHaveLength(1);
  await clock.advance(29_000);
  expect(beats()).toHaveLength(1);
  await clock.advance(61_500);
  expect(beats()).toHaveLength(4);
  agent.die();
  await clock.advance(120_000);
  expect(beats()).toHaveLength(4);
  expect(clock.pendingTimers).toBe(0); // an empty wheel stands still
});

test('a reboot keeps what was applied, mounted and started', async () => {
  const { bus, call, agent, state } = givenMachine({ attached: ['disk-1'] });
  await call('apply', applySpec());
  await call('start');
  await call('add_persistent_disk', 'disk-1', '/dev/sdc');
  await call('mount_disk', 'disk-1');
  agent.die();
  expect(await bus.ask('agent-1', 'ping', [], { patienceMs: 20 })).toBeUndefined();
  agent.start();
  expect(await state()).toMatchObject({ job_state: 'running', deployment: 'shop' });
  expect(await call('list_disk')).toEqual(['disk-1']);
});

test('a disk is mounted only when the machine knows it and the infrastructure attached it', async () => {
  const { call } = givenMachine({ attached: ['disk-1', 'disk-2'] });
  await expect(call('mount_disk', 'disk-1')).rejects.toThrow('disk "disk-1" is unknown to this machine');
  await call('add_persistent_disk', 'disk-9', '/dev/sdz');
  await expect(call('mount_disk', 'disk-9')).rejects.toThrow('disk "disk-9" is not attached');

  await call('add_persistent_disk', 'disk-1', '/dev/sdc');
  await call('add_persistent_disk', 'disk-2', { path: '/dev/sdd' });
  await call('mount_disk', 'disk-1');
  await expect(call('migrate_disk', 'disk-1', 'disk-2')).rejects.toThrow('not mounted as the destination');
  await call('mount_disk', 'disk-2');
  expect(await call('list_disk')).toEqual(['disk-1', 'disk-2']);
  await call('migrate_disk', 'disk-1', 'disk-2');
  expect(await call('list_disk')).toEqual(['disk-2']);
  await expect(call('remove_persistent_disk', 'disk-2')).rejects.toThrow('is mounted');
  expect(await call('unmount_disk', 'disk-1')).toEqual({ message: 'Partition of disk-1 is not mounted' });
});

test('a spec of unknown structure is refused with every fault', async () => {
  const { call } = givenMachine();
  const wrong = { ...applySpec(), index: 'zero', packages: { nginx: { name: '../nginx', version: '1', sha1: 'x' } } };
  await expect(call('apply', wrong)).rejects.toThrow(
    /3 faults[^]*index: expected a number, found string[^]*packages.nginx.name: expected a name[^]*blobstore_id: missing/,
  );
  await expect(call('start')).rejects.toThrow('no spec was applied');
});

test('a partial spec is stored and sets no job up', async () => {
  const { call, state } = givenMachine();
  const { configuration_hash: _, ...partial } = applySpec();
  await call('apply', partial);
  expect(await state()).toMatchObject({ deployment: 'shop', job_state: 'running', processes: [] });
  await expect(call('start')).rejects.toThrow('no spec was applied');
});

test('scripted faults: before and after the work, once and always, lost answers, delays', async () => {
  const { bus, call, agent, state, clock } = givenMachine();
  await call('apply', applySpec());
  agent.faults.failOnce('start');
  await expect(call('start')).rejects.toThrow('start fails by script');
  expect((await state()).processes).toEqual([]);

  agent.faults.failOnce('start', 'after', 'the disk is full');
  await expect(call('start')).rejects.toThrow('the disk is full');
  expect((await state()).processes).toHaveLength(2);
  await call('start');

  agent.faults.failOnce('stop', 'lost');
  const lost = (await bus.ask('agent-1', 'stop')) as { value: { agent_task_id: string } };
  expect(await call('get_state')).toMatchObject({ job_state: 'stopped' });
  expect(await bus.ask('agent-1', 'get_task', [lost.value.agent_task_id])).toMatchObject({
    value: { state: 'running' },
  });

  agent.faults.failAlways('ping');
  await expect(call('ping')).rejects.toThrow();
  await expect(call('ping')).rejects.toThrow();
  agent.faults.clear();
  agent.faults.delay('ping', 5_000);
  const slow = call('ping');
  await clock.advance(5_000);
  expect(await slow).toBe('pong');
});

test('a process that dies after its start makes the machine failing and raises an alert', async () => {
  const { bus, call, agent, state, clock } = givenMachine();
  await call('apply', applySpec());
  agent.jobs.failsAfterStart(10_000, 'worker');
  agent.jobs.startsIn(2_000, 'web');
  await call('start');
  expect((await state()).job_state).toBe('starting');
  await clock.advance(2_000);
  expect((await state()).job_state).toBe('running');
  await clock.advance(8_000);
  expect(await state()).toMatchObject({
    job_state: 'failing',
    processes: [
      { name: 'web', state: 'running' },
      { name: 'worker', state: 'failing' },
    ],
  });
  expect(bus.messages(subjects.alert('agent-1'))).toMatchObject([
    { severity: 1, title: 'worker (10.0.0.4) - does not exist - restart' },
  ]);
  await clock.advance(30_000);
  const beats = bus.messages(subjects.heartbeat('agent-1')) as Heartbeat[];
  expect(beats.at(-1)).toMatchObject({ job: 'web', index: 0, job_state: 'failing', number_of_processes: 2 });

  agent.jobs.heal();
  await call('start');
  await clock.advance(60_000);
  expect((await state()).job_state).toBe('running');
});

test('a failing script is told as BOSH tells it', async () => {
  const { call, agent } = givenMachine();
  await call('apply', applySpec());
  agent.jobs.failScript('pre-start', 'web');
  await expect(call('run_script', 'pre-start', {})).rejects.toThrow(
    '1 of 2 pre-start scripts failed. Failed Jobs: web. Successful Jobs: worker.',
  );
  expect(await call('run_script', 'post-start', {})).toEqual({ web: 'executed', worker: 'executed' });
});

test('a silent machine works on unheard; a shut down one is gone', async () => {
  const { bus, call, agent } = givenMachine();
  agent.goSilent();
  expect(await bus.ask('agent-1', 'ping', [], { patienceMs: 20 })).toBeUndefined();
  agent.speak();
  expect(await call('ping')).toBe('pong');
  await bus.ask('agent-1', 'shutdown', [], { patienceMs: 20 });
  expect(agent.isUp).toBe(false);
});

test('compiling the same inputs gives the same archive', async () => {
  const { call, stored } = givenMachine();
  const dependency = { name: 'zlib', version: '1.1', sha1: 'd'.repeat(40), blobstore_id: 'b-2' };
  const compile = (version: string) =>
    call('compile_package', 'b-1', 's'.repeat(40), 'nginx', version, { zlib: dependency });
  expect(await compile('1.1')).toMatchObject({
    result: { blobstore_id: 'blob-1', sha1: expect.stringMatching(/^.{40}$/) },
  });
  await compile('1.1');
  await compile('1.2');
  expect(stored[1]).toEqual(stored[0]);
  expect(stored[2]).not.toEqual(stored[0]);
});

test('a method it has never heard of', async () => {
  const { call } = givenMachine();
  await expect(call('bundle_logs')).rejects.toThrow('unknown message bundle_logs');
  await expect(call('toString')).rejects.toThrow('unknown message toString');
});
