import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  agentsOn,
  buildPrograms,
  givenDirectorProcess,
  greeterCloudConfig,
  greeterManifest,
  processesThatMount,
  uploadGreeter,
  type DirectorProcess,
} from '../support/given-director-process.ts';

// A service's whole life, with the programs that we ship: a director as a process, the gantry CLI, agents and jobs as
// processes on machines of this box. Each test goes on where the one before ended.

const soon = { timeout: 20_000, interval: 100 };
const network = '127.83';
let programs: Awaited<ReturnType<typeof buildPrograms>>;
let director: DirectorProcess;
let machines: string;

beforeAll(async () => {
  programs = await buildPrograms();
  director = await givenDirectorProcess({ gantry: programs.gantry, cpi: '{kind: memory, machines: process}' });
  machines = join(director.state, 'infrastructure/machines');
  await director.start();
});
afterAll(async () => {
  await director.close();
  await programs.remove();
});

test('a service is uploaded, deployed, and answers', async () => {
  await uploadGreeter(director, 'memory');
  await director.gantry('update-cloud-config', await director.file('cloud.yml', greeterCloudConfig({ network })));
  await deploy({ instances: 2 });
  const answers = await Promise.all((await running()).map(({ ip }) => ask(ip)));
  expect(answers).toEqual([
    expect.objectContaining({ greeting: 'Hello', index: 0, az: 'z1', count: 1 }),
    expect.objectContaining({ greeting: 'Hello', index: 1, az: 'z2', count: 1 }),
  ]);
});

test('scaled out and in, the instances that stay are left alone', async () => {
  const before = await running();
  await deploy({ instances: 3 });
  const more = await running();
  expect(more).toHaveLength(3);
  expect(more.slice(0, 2)).toEqual(before);
  expect((await Promise.all(more.map(({ ip }) => ask(ip)))).map(({ index }) => index)).toEqual([0, 1, 2]);
  await deploy({ instances: 2 });
  expect(await running()).toEqual(before);
  const agents = await agentsOn(machines);
  expect(agents).toHaveLength(2);
  expect(new Set(agents)).toEqual(new Set(before.map(({ agent }) => agent)));
});

test('a changed property reaches the job on the machine that it has', async () => {
  const before = await running();
  await deploy({ instances: 2, greeting: 'Good morning' });
  expect(await running()).toEqual(before);
  expect(await ask(before[0]?.ip)).toMatchObject({ greeting: 'Good morning' });
});

test('what is on a persistent disk is there on the next machine', async () => {
  const [before] = await running();
  const { count } = await ask(before?.ip);
  await director.gantry('-d', 'greeter', 'recreate', 'greeter/0');
  const [after] = await running();
  expect(after).toMatchObject({ ip: before?.ip, disk: before?.disk });
  expect(after?.vm).not.toBe(before?.vm);
  expect(await ask(after?.ip)).toMatchObject({ count: count + 1, index: 0 });
});

test('a job that is killed is started again by its machine', async () => {
  const [first] = await running();
  const before = await ask(first?.ip);
  process.kill(await pidOnHost(before.pid, first?.vm), 'SIGKILL');
  await expect.poll(async () => (await ask(first?.ip).catch(() => before)).pid, soon).not.toBe(before.pid);
  expect(await ask(first?.ip)).toMatchObject({ index: 0, count: before.count + 2 });
});

// The state of an agent is asked for three times, 45 s each, before it counts as silent: as BOSH does
test('a machine that is killed is seen as that, and repaired on demand', { timeout: 240_000 }, async () => {
  const [first, second] = await running();
  process.kill(
    Number((await readFile(join(machines, 'vms', first?.vm ?? '', 'pid'), 'utf8')).split('\n')[0]),
    'SIGKILL',
  );
  await expect.poll(() => ask(first?.ip).catch(() => 'gone'), soon).toBe('gone');
  expect(await director.gantry('-d', 'greeter', 'instances')).toMatch(/greeter\/\S+\s+unresponsive agent/);

  const manifest = await director.file('greeter.yml', greeterManifest({ instances: 2, greeting: 'Good morning' }));
  await director.gantry('-d', 'greeter', 'deploy', '--fix', manifest);
  const [repaired, untouched] = await running();
  expect(repaired).toMatchObject({ ip: first?.ip, disk: first?.disk });
  expect(untouched).toEqual(second);
  expect(await ask(repaired?.ip)).toMatchObject({ index: 0, greeting: 'Good morning' });
});

test('deleted, nothing of it is left but the disks, and they go when asked', async () => {
  const { ip } = (await running())[0] ?? {};
  await director.gantry('-d', 'greeter', 'delete-deployment');
  expect(await readdir(join(machines, 'vms'))).toEqual([]);
  expect(await processesThatMount(machines)).toEqual([]);
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(machines);
  await expect(ask(ip)).rejects.toThrow();
  expect(await readdir(join(machines, 'disks'))).toHaveLength(3);
  await director.gantry('clean-up', '--all');
  expect(await readdir(join(machines, 'disks'))).toEqual([]);
});

async function deploy(manifest: Parameters<typeof greeterManifest>[0]): Promise<void> {
  await director.gantry('-d', 'greeter', 'deploy', await director.file('greeter.yml', greeterManifest(manifest)));
}

/** Who serves, by index, once all of them run. */
async function running() {
  const states = async () => new Set((await director.instances('greeter')).map(({ job_state }) => job_state));
  await expect.poll(states, soon).toEqual(new Set(['running']));
  const instances = await director.instances('greeter');
  return instances.map(({ vm_cid: vm, agent_id: agent, ips: [ip], disk_cid: disk }) => ({ vm, agent, ip, disk }));
}

interface Greeting {
  greeting: string;
  index: number;
  az: string;
  count: number;
  /** On its machine. */
  pid: number;
}

async function ask(ip: string | undefined): Promise<Greeting> {
  const answer = await fetch(`http://${ip}:8080/`, { signal: AbortSignal.timeout(2_000) });
  return (await answer.json()) as Greeting; // releases/shipped/greeter
}

/** A machine counts its processes for itself. */
async function pidOnHost(pid: number, vm: string | null | undefined): Promise<number> {
  for (const candidate of await processesThatMount(`/vms/${vm}/`)) {
    const status = await readFile(`/proc/${candidate}/status`, 'utf8').catch(() => '');
    if (/^NSpid:.*\t(\d+)$/m.exec(status)?.[1] === String(pid)) return candidate;
  }
  throw new Error(`no process ${pid} on ${vm}`);
}
