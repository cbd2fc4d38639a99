import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Task } from '../../director/api/contract/tasks.ts';
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
import { givenMachineCpi, machineCpiPath } from '../support/given-machine-cpi.ts';

// A director's process drives a CPI program, whose VMs are real machines with agents and jobs. It is killed with -9
// while the program makes a VM, and the program does what it should not. Each test goes on where the one before ended.

const soon = { timeout: 60_000, interval: 20 };
vi.setConfig({ testTimeout: 240_000 }); // far above what it takes on a quiet machine
let programs: Awaited<ReturnType<typeof buildPrograms>>;
let director: DirectorProcess;
let cpi: Awaited<ReturnType<typeof givenMachineCpi>>;

beforeAll(async () => {
  programs = await buildPrograms();
  const section = `{kind: executable, path: ${machineCpiPath}}`;
  director = await givenDirectorProcess({ gantry: programs.gantry, cpi: section });
  cpi = await givenMachineCpi(director, { agent: join(programs.directory, 'agent.js') });
  await director.start();
  await uploadGreeter(director, 'memory');
  const cloud = greeterCloudConfig({ network: '127.86' });
  await director.gantry('update-cloud-config', await director.file('cloud.yml', cloud));
});
afterAll(async () => {
  await director.close();
  await programs.remove();
});

test('a service on machines that a CPI program makes is deployed, and answers', async () => {
  expect(await director.deploy(greeterManifest({ instances: 1 }))).toMatchObject({ state: 'done' });
  await expectServing({ instances: 1 });
});

test('killed before the program has made the VM, the next director waits for it and goes on with it', async () => {
  const held = await cpi.hold('create_vm', 'hold-before');
  const task = await director.beginDeploy(greeterManifest({ instances: 2 }));
  await expect.poll(held.arrived, soon).toBe(true);
  await director.kill();
  expect(await cpi.vms()).toHaveLength(1);
  await director.start();
  await held.release();
  expect(await director.ended(task)).toMatchObject({ state: 'done' });
  await expectServing({ instances: 2 });
});

test('killed when the VM is made and the program has not told, the next director learns of it', async () => {
  const held = await cpi.hold('create_vm', 'hold-after');
  const task = await director.beginDeploy(greeterManifest({ instances: 3 }));
  await expect.poll(held.arrived, soon).toBe(true);
  await director.kill();
  expect(await cpi.vms()).toHaveLength(3);
  await held.release();
  await expect.poll(() => cpi.processes(), soon).toEqual([]); // it has answered, and nobody has heard
  await director.configure(`{kind: executable, path: ${machineCpiPath}, timeout_seconds: 10}`); // for what comes next
  await director.start();
  expect(await director.ended(task)).toMatchObject({ state: 'done' });
  await expectServing({ instances: 3 });
});

test('a program that is killed, and one that answers nonsense: each VM that may be there is named, and left alone', async () => {
  await cpi.mishap('create_vm', 'die');
  await expectRefused(4, /nothing at all; the program was killed by SIGKILL, in 'create_vm' CPI method/);
  await cpi.mishap('create_vm', 'garbage', '<html>Bad gateway</html>');
  await expectRefused(4, /it is no JSON: <html>Bad gateway<\/html>, in 'create_vm' CPI method/);
  expect(await cpi.vms()).toHaveLength(5);
});

test('a program that never answers is ended after its limit, and what it had said is in the task before that', async () => {
  await cpi.mishap('create_vm', 'hang');
  const task = await director.beginDeploy(greeterManifest({ instances: 4 }));
  await expect.poll(() => director.output(task, 'cpi'), soon).toMatch(/create_vm begins\n$/);
  expect(await director.api.get(`/tasks/${task}`)).toMatchObject({ state: 'processing' });
  expectTold(
    await director.ended(task),
    /it did not come in 10 s, and the program was ended, in 'create_vm' CPI method/,
  );
  expect(await cpi.processes()).toEqual([]);
});

test('after all that the same deploy works', async () => {
  expect(await director.deploy(greeterManifest({ instances: 4 }))).toMatchObject({ state: 'done' });
  await expectServing({ instances: 4, lost: 2 });
});

test('deleted, nothing is left but what was named, and nothing at all when the operator has dealt with that', async () => {
  await director.gantry('-d', 'greeter', 'delete-deployment');
  const named = await leftBehind();
  expect(named).toHaveLength(3); // of the hung call, too: nobody knew that it had made nothing
  const agents = await agentsOn(cpi.machines);
  expect(agents).toHaveLength(2);
  expect(named).toEqual(expect.arrayContaining(agents));

  for (const cid of await cpi.vms()) await cpi.call('delete_vm', [cid]);
  for (const agent of named) {
    const { id } = await director.api.json<Task>({ method: 'DELETE', path: `/vms/${agent}` });
    expect(await director.ended(id)).toMatchObject({ state: 'done' });
  }
  expect(await leftBehind()).toEqual([]);
  await director.gantry('clean-up', '--all');
  expect([await cpi.vms(), await cpi.disks(), await cpi.processes()]).toEqual([[], [], []]);
  expect(await processesThatMount(cpi.machines)).toEqual([]);
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(cpi.machines);
});

/** The deploy of one instance more fails with these words. */
async function expectRefused(instances: number, words: RegExp): Promise<void> {
  expectTold(await director.deploy(greeterManifest({ instances })), words);
}

/** Where it was, what may be left of it, and what to do. */
function expectTold(failed: { state: string; events: string }, words: RegExp): void {
  expect(failed).toMatchObject({ state: 'error', events: expect.stringMatching(words) });
  expect(failed.events).toMatch(/greeter\/\S+ ?\S*: the VM of agent \S+ may exist on the infrastructure/);
  expect(failed.events).toMatch(/This was at greeter\/\S+\.\\n/);
  expect(failed.events).toContain('Look for it on the infrastructure');
}

/** The agents of VMs that were given up. */
async function leftBehind(): Promise<string[]> {
  const lost = await director.api.get<Array<{ cid: string }>>('/orphaned_vms');
  return lost.map(({ cid }) => cid);
}

/** The deployment serves; of every VM there is, the director knows; each was asked for once. */
async function expectServing({ instances, lost = 0 }: { instances: number; lost?: number }) {
  const found = await director.instances('greeter');
  expect(found).toHaveLength(instances);
  const agents = await agentsOn(cpi.machines);
  expect(agents).toHaveLength(instances + lost);
  const known = [...found.map(({ agent_id }) => agent_id), ...(await leftBehind())];
  expect(known).toEqual(expect.arrayContaining(agents));
  expect(await cpi.vms()).toHaveLength(instances + lost);
  expect(await cpi.vms()).toEqual(expect.arrayContaining(found.map(({ vm_cid }) => vm_cid)));
  expect(await cpi.disks()).toHaveLength(instances);
  const asked = await cpi.askedFor();
  expect(new Set(asked).size).toBe(asked.length);
  expect(await cpi.processes()).toEqual([]);
  for (const { ips, index } of found) {
    const answer = await fetch(`http://${ips[0]}:8080/`, { signal: AbortSignal.timeout(5_000) });
    expect(await answer.json()).toMatchObject({ index });
  }
}
