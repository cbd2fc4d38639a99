import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { ServiceAlert } from '../../../../agent/supervise/service.ts';
import { Supervisor } from '../../../../agent/supervise/supervisor.ts';
import { VirtualClock } from '../../../../common/clock.ts';
import { silentLog, type Log } from '../../../../common/log.ts';
import { FakeProcesses } from '../../../support/agent/process-host.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function givenSupervisor() {
  const folder = await mkdtemp(join(tmpdir(), 'supervisor-'));
  folders.push(folder);
  const clock = new VirtualClock();
  const processes = new FakeProcesses(clock);
  const alerts: ServiceAlert[] = [];
  const warnings: string[] = [];
  const log: Log = {
    ...silentLog,
    warn: (event, fields) => warnings.push(`${event} ${String(fields?.['statement'])}`),
  };
  const paths = { monitJobs: join(folder, 'job'), stopped: join(folder, 'stopped') };
  const supervise = () =>
    new Supervisor(paths, { clock, log, host: processes, alert: (alert) => void alerts.push(alert) });
  return { folder, clock, processes, alerts, warnings, supervise, supervisor: supervise() };
}

const service = (name: string, extra = '', { startMs = 0, stopMs = 0 } = {}) => `
  check process ${name} with pidfile /run/${name}
    start program "start /run/${name} ${startMs}" with timeout 10 seconds
    stop program "stop /run/${name} ${stopMs}"
    ${extra}`;
const monit = (...services: string[]) => new Map([['0000_job.monitrc', services.join('\n')]]);
const never = new AbortController().signal;
const states = async (supervisor: Supervisor) =>
  Object.fromEntries((await supervisor.processes()).map(({ name, state }) => [name, state]));

test('services come up, and stop when they are told to', async () => {
  const { clock, processes, supervisor, folder } = await givenSupervisor();
  expect(supervisor.jobState()).toBe('running'); // a machine without services has nothing that fails
  await supervisor.start(monit(service('web', '', { startMs: 3_000 }), service('worker')));
  expect(supervisor.jobState()).toBe('starting');
  await clock.advance(2_000);
  expect(await states(supervisor)).toEqual({ web: 'starting', worker: 'running' });
  await clock.advance(2_000);
  expect(supervisor.jobState()).toBe('running');

  await clock.runUntil(supervisor.stop(never));
  expect(supervisor.jobState()).toBe('stopped');
  expect(processes.alive).toEqual([]);
  expect(await readdir(folder)).toContain('stopped');
});

test('a service starts after what it depends on, and stops before it', async () => {
  const { clock, processes, supervisor } = await givenSupervisor();
  const files = monit(service('web', 'depends on db'), service('db', '', { startMs: 5_000, stopMs: 5_000 }));
  await supervisor.start(files);
  await clock.advance(4_000);
  expect(processes.launched).toEqual(['start db']);
  await clock.advance(4_000);
  expect(processes.launched).toEqual(['start db', 'start web']);
  await clock.runUntil(supervisor.stop(never));
  expect(processes.launched.slice(2)).toEqual(['stop web', 'stop db']);
});

test('a process that dies is started again, with one alert for a row of deaths', async () => {
  const { clock, processes, alerts, supervisor } = await givenSupervisor();
  await supervisor.start(monit(service('web')));
  await clock.advance(5_000);
  for (let death = 0; death < 3; death++) {
    processes.end('/run/web');
    await clock.advance(1_000);
    expect(supervisor.jobState()).toBe('failing');
    await clock.advance(10_000);
    expect(supervisor.jobState()).toBe('running');
  }
  expect(alerts).toEqual([
    { service: 'web', event: 'does not exist', action: 'restart', description: 'the process is not running' },
  ]);
  await clock.advance(120_000); // it has been well for a while: the next death is news
  processes.end('/run/web');
  await clock.advance(2_000);
  expect(alerts).toHaveLength(2);
});

test('a start that fails is tried ever more seldom, and told as failing all along', async () => {
  const { clock, processes, alerts, supervisor } = await givenSupervisor();
  await supervisor.start(monit(service('web').replace('"start /run/web 0"', '"fail"')));
  await clock.advance(1_000);
  const seen = new Set<string>();
  for (let s = 0; s < 300; s++) {
    await clock.advance(1_000);
    seen.add(supervisor.jobState());
  }
  expect([...seen]).toEqual(['failing']);
  expect(processes.launched.length).toBeGreaterThan(6);
  expect(processes.launched.length).toBeLessThan(13); // 1, 2, 4 ... 60 s apart
  expect(alerts).toMatchObject([{ event: 'execution failed', description: 'its start program ended with 1' }]);
});

test('a start program that brings up no process fails after its own timeout', async () => {
  const { clock, alerts, supervisor } = await givenSupervisor();
  await supervisor.start(monit(service('web', '', { startMs: 60_000 })));
  await clock.advance(9_000);
  expect(supervisor.jobState()).toBe('starting');
  await clock.advance(2_000);
  expect(supervisor.jobState()).toBe('failing');
  expect(alerts).toMatchObject([{ description: "no process within 10 s of its start program's start" }]);
});

test('during a drain nothing is started again; the stop after it still stops all', async () => {
  const { clock, processes, alerts, supervisor } = await givenSupervisor();
  await supervisor.start(monit(service('web'), service('worker')));
  await clock.advance(2_000);
  supervisor.unmonitor();
  processes.end('/run/web');
  await clock.advance(30_000);
  expect(processes.alive).toEqual(['/run/worker']);
  expect(alerts).toEqual([]);
  expect(supervisor.jobState()).toBe('failing');
  await clock.runUntil(supervisor.stop(never));
  expect(processes.alive).toEqual([]);
});

test('a stop while it still starts leaves nothing behind', async () => {
  const { clock, processes, supervisor } = await givenSupervisor();
  await supervisor.start(monit(service('web', '', { startMs: 5_000 })));
  await clock.advance(1_000);
  await clock.runUntil(supervisor.stop(never));
  await clock.advance(60_000);
  expect(processes.alive).toEqual([]);
  expect(supervisor.jobState()).toBe('stopped');
});

test('what does not stop within 5 minutes is named', async () => {
  const { clock, supervisor } = await givenSupervisor();
  await supervisor.start(monit(service('web'), service('stuck', '', { stopMs: 10_000_000 })));
  await clock.advance(2_000);
  await expect(clock.runUntil(supervisor.stop(never))).rejects.toThrow(
    /still running after 5 minutes: stuck \(pid 1\d\d\)/,
  );
});

test('a service without a stop program gets signals', async () => {
  const { clock, processes, supervisor } = await givenSupervisor();
  await supervisor.start(monit(service('web').replace(/stop program.*/, '')));
  await clock.advance(2_000);
  await clock.runUntil(supervisor.stop(never));
  expect(processes.launched).toEqual(['start web', 'SIGTERM', 'SIGKILL']);
});

test('a new agent takes over what lives, starts what died meanwhile, and leaves the stopped alone', async () => {
  const { clock, processes, supervisor, supervise } = await givenSupervisor();
  await supervisor.start(monit(service('web'), service('worker')));
  await clock.advance(2_000);
  supervisor.close();
  processes.end('/run/worker');

  const second = supervise();
  await second.resume();
  await clock.advance(2_000);
  expect(second.jobState()).toBe('running');
  expect(processes.launched.slice(2)).toEqual(['start worker']);
  await clock.runUntil(second.stop(never));
  second.close();

  const third = supervise();
  await third.resume();
  await clock.advance(10_000);
  expect(third.jobState()).toBe('stopped');
  expect(processes.alive).toEqual([]);
});

test('an agent that was killed while it stopped services finishes the stop when it is asked again', async () => {
  const { folder, clock, processes, supervisor, supervise } = await givenSupervisor();
  await supervisor.start(monit(service('web', '', { stopMs: 20_000 })));
  await clock.advance(2_000);
  void supervisor.stop(never).catch(() => {});
  await vi.waitFor(async () => expect(await readdir(folder)).toContain('stopped'));
  supervisor.close(); // killed: the marker is written, the process lives
  await clock.advance(1_000);
  const second = supervise();
  await second.resume();
  expect(second.jobState()).toBe('stopped');
  await clock.runUntil(second.stop(never));
  expect(processes.alive).toEqual([]);
});

test('services that a new spec no longer has are stopped', async () => {
  const { clock, processes, supervisor } = await givenSupervisor();
  await supervisor.start(monit(service('web'), service('old')));
  await clock.advance(2_000);
  await supervisor.start(monit(service('web')));
  await clock.advance(5_000);
  expect(processes.alive).toEqual(['/run/web']);
  expect(processes.launched).toEqual(['start web', 'start old', 'stop old']);
});

test('memory rules: after enough cycles in a row, an alert or a restart', async () => {
  const { clock, processes, alerts, supervisor } = await givenSupervisor();
  await supervisor.start(
    monit(service('web', 'if totalmem > 100 MB for 3 cycles then restart'), service('odd', 'if cpu > 5% then alert')),
  );
  await clock.advance(15_000);
  processes.grow('/run/web', 200 * 1024);
  await clock.advance(21_000);
  expect(alerts).toEqual([]);
  await clock.advance(15_000);
  expect(alerts).toMatchObject([{ service: 'web', event: 'resource limit matched', action: 'restart' }]);
  expect(processes.launched.slice(2)).toEqual(['stop web', 'start web']);
  expect(supervisor.jobState()).toBe('running');
});

test('restarts without end are given up where the monit file says so', async () => {
  const { clock, processes, alerts, supervisor } = await givenSupervisor();
  await supervisor.start(monit(service('web', 'if 2 restarts within 6 cycles then timeout')));
  await clock.advance(2_000);
  processes.end('/run/web');
  await clock.advance(5_000);
  processes.end('/run/web');
  await clock.advance(60_000);
  expect(await states(supervisor)).toEqual({ web: 'unmonitored' });
  expect(alerts.at(-1)).toMatchObject({ event: 'timeout', action: 'unmonitor' });
  expect(supervisor.jobState()).toBe('failing');
});

test('rules that are not understood are told once, however often the file is read', async () => {
  const { supervisor, warnings } = await givenSupervisor();
  const files = monit(service('web', 'if failed port 80 then restart'));
  await supervisor.start(files);
  await supervisor.start(files);
  expect(warnings.filter((line) => line.startsWith('monit-statement-ignored'))).toHaveLength(1);
});

test('dependencies that can never be met are refused, and nothing is started', async () => {
  const { supervisor, processes, clock } = await givenSupervisor();
  await expect(supervisor.start(monit(service('a', 'depends on b'), service('b', 'depends on a')))).rejects.toThrow(
    'services depend on each other: a -> b -> a',
  );
  await expect(supervisor.start(monit(service('a', 'depends on db')))).rejects.toThrow('a depends on db, and no job');
  await clock.advance(5_000);
  expect(processes.launched).toEqual([]);
});
