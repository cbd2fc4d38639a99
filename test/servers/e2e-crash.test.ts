import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { systemClock } from '../../common/clock.ts';
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

// A director's process is killed with -9 in the middle of deploys, and started again. Each test goes on where the one
// before ended.

const momentMsMax = 60_000;
vi.setConfig({ testTimeout: 240_000 }); // far above what it takes on a quiet machine
let programs: Awaited<ReturnType<typeof buildPrograms>>;
let director: DirectorProcess;
let machines: string;
/** Every VM that was ever in the infrastructure's journal, with its agent. */
const everMade = new Map<string, string>();

beforeAll(async () => {
  programs = await buildPrograms();
  director = await givenDirectorProcess({ gantry: programs.gantry, cpi: '{kind: memory, machines: process}' });
  machines = join(director.state, 'infrastructure/machines');
  await director.start();
  await uploadGreeter(director, 'memory');
  const cloud = greeterCloudConfig({ network: '127.85' });
  await director.gantry('update-cloud-config', await director.file('cloud.yml', cloud));
});
afterAll(async () => {
  await director.close();
  await programs.remove();
});

test('killed while it compiles, it goes on, and compiles on one machine at a time', async () => {
  const task = await director.beginDeploy(greeterManifest({ instances: 1 }));
  await moment(task, async () => (await director.output(task, 'event')).includes('"stage":"Compiling packages"'));
  await killAndStart();
  expect(await director.ended(task)).toMatchObject({ state: 'done' });
  await expectAsPlanned({ instances: 1 });
});

test('killed while a VM is made, it goes on with that VM', async () => {
  const [before] = [everMade.size];
  const task = await director.beginDeploy(greeterManifest({ instances: 2 }));
  const there = (await vms()).length;
  await moment(task, async () => (await vms()).length > there); // its folder is there, and it has not booted
  await killAndStart();
  expect(await director.ended(task)).toMatchObject({ state: 'done' });
  await expectAsPlanned({ instances: 2 });
  expect(everMade.size).toBe(before + 1);
});

test('killed while the first instance is updated, it updates that one and then the other', async () => {
  const before = await vms();
  const manifest = greeterManifest({ instances: 2, greeting: 'Good morning', drainSeconds: 1 });
  const task = await director.beginDeploy(manifest);
  await moment(task, async () => (await director.output(task, 'event')).includes('"stage":"Updating instance"'));
  await killAndStart();
  expect(await director.ended(task)).toMatchObject({ state: 'done' });
  await expectAsPlanned({ instances: 2, greeting: 'Good morning' });
  expect(await vms()).toEqual(before);
});

test('killed right after a deploy, it knows all of it: the same deploy finds nothing to do', async () => {
  const manifest = greeterManifest({ instances: 2, greeting: 'Good evening', drainSeconds: 0 });
  expect(await director.deploy(manifest)).toMatchObject({ state: 'done' });
  const before = await vms();
  await killAndStart();
  const again = await director.deploy(manifest);
  expect(again).toMatchObject({ state: 'done' });
  expect(again.events).not.toMatch(/"stage":"(Updating instance|Creating missing vms|Compiling packages)"/);
  expect(await vms()).toEqual(before);
  await expectAsPlanned({ instances: 2, greeting: 'Good evening' });
});

test('killed while it deletes, it goes on until nothing is left', async () => {
  const task = await director.beginDelete('greeter');
  await moment(task, async () => (await director.output(task, 'event')).includes('"stage":"Deleting instances"'));
  await killAndStart();
  expect(await director.ended(task)).toMatchObject({ state: 'done' });
  expect(await vms()).toEqual([]);
  expect(await processesThatMount(machines)).toEqual([]);
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(machines);
  await director.gantry('clean-up', '--all');
  expect(await readdir(join(machines, 'disks'))).toEqual([]);
});

/** Waits for a moment of the deploy. @throws when it doesn't come */
async function moment(task: number, come: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + momentMsMax;
  while (!(await come())) {
    if (performance.now() > endMs)
      throw new Error(`the moment to kill the director did not come: ${await director.output(task, 'event')}`);
    await systemClock.sleep(5);
  }
}

async function killAndStart(): Promise<void> {
  await director.kill();
  await noteVms(); // a director that starts rewrites the journal
  await director.start();
}

async function vms(): Promise<string[]> {
  return (await readdir(join(machines, 'vms'))).sort();
}

async function noteVms(): Promise<void> {
  const journal = await readFile(join(director.state, 'infrastructure/journal.jsonl'), 'utf8');
  for (const line of journal.split('\n')) {
    const vm = /"put":"vms"/.test(line) ? /"cid":"([^"]+)","agentId":"([^"]+)"/.exec(line) : null;
    if (vm?.[1] !== undefined && vm[2] !== undefined) everMade.set(vm[1], vm[2]);
  }
}

/** All that there is, is what the manifest says, on machines of which each was made for one agent, once. */
async function expectAsPlanned({ instances, greeting = 'Hello' }: { instances: number; greeting?: string }) {
  await noteVms();
  expect(new Set(everMade.values()).size).toBe(everMade.size);
  const found = await director.instances('greeter');
  expect(found).toHaveLength(instances);
  expect((await vms()).length).toBe(instances);
  expect((await readdir(join(machines, 'disks'))).length).toBe(instances);
  const agents = await agentsOn(machines);
  expect(agents).toHaveLength(instances);
  expect(new Set(agents)).toEqual(new Set(found.map(({ agent_id }) => agent_id)));
  for (const { ips, index } of found) {
    const answer = await fetch(`http://${ips[0]}:8080/`, { signal: AbortSignal.timeout(5_000) });
    expect(await answer.json()).toMatchObject({ index, greeting });
  }
}
