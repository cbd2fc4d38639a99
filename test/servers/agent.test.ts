import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { protocolVersion, subjects, type Response } from '../../agent/protocol.ts';
import { id, type AgentId } from '../../common/ids.ts';
import type { BusConnection } from '../../director/bus/bus.ts';
import type { EmbeddedBus } from '../../director/bus/embedded-bus.ts';
import { Inbox } from '../support/bus/agent-end.ts';
import { givenEmbeddedBus } from '../support/bus/given-embedded-bus.ts';
import { agentSettings } from '../support/agent/specs.ts';

/**
 * The agent as it ships: one file, started by node in mount and pid namespaces of its own (which needs root), and
 * spoken to over mutual TLS.
 */
const agentId = id<AgentId>('machine-1');
let root: string;
let bus: EmbeddedBus;
let director: BusConnection;
let machine: ChildProcess;
let answers: Inbox;
const output: string[] = [];

const init = `mount -t tmpfs none "$1"; shift
  node "$@" & agent=$!; trap "kill -TERM $agent" TERM INT
  while kill -0 $agent 2>/dev/null; do wait $agent; done`;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'agent-'));
  const program = join(root, 'agent.mjs');
  const banner = { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" };
  await build({
    entryPoints: ['agent/main.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: program,
    banner,
  });
  bus = await givenEmbeddedBus({ listens: true });
  director = await bus.connect('director');
  answers = new Inbox();
  director.subscribe(subjects.replies('test'), answers.receive);
  await bus.permit(agentId, { bootstrap: true });
  for (const disk of ['disk-1', 'disk-2']) await mkdir(join(root, disk));
  await writeFile(join(root, 'disk-1', 'data'), 'precious');
  const settings = agentSettings({
    agent_id: agentId,
    mbus: bus.endpoint().mbus,
    blobstore: { provider: 'local', options: { blobstore_path: join(root, 'blobs') } },
    env: { bosh: { mbus: { cert: await bus.issueCredentials(agentId, 'bootstrap') } } },
  });
  await writeFile(join(root, 'settings.json'), JSON.stringify(settings));
  await mkdir(join(root, 'vcap'));
  const namespaces = ['--mount', '--pid', '--fork', '--mount-proc', '--kill-child'];
  const options = ['--settings', join(root, 'settings.json'), '--base-dir', join(root, 'vcap'), '--machine', 'process'];
  machine = spawn('unshare', [...namespaces, 'sh', '-c', init, 'sh', join(root, 'vcap'), program, ...options]);
  machine.stderr?.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  await vi.waitFor(() => expect(output.join('')).toContain('agent-started'), { timeout: 20_000, interval: 100 });
}, 60_000);

afterAll(async () => {
  machine.kill('SIGKILL'); // and with it, by --kill-child, all that is in its namespaces
  await bus.close();
  await rm(root, { recursive: true, force: true });
});

let requests = 0;

async function ask(method: string, args: unknown[] = []): Promise<unknown> {
  const replyTo = subjects.reply('test', agentId, String(requests++));
  const request = { protocol: protocolVersion, method, arguments: args, reply_to: replyTo };
  director.publish(subjects.agent(agentId), JSON.stringify(request));
  let answer = await answers.next();
  while (answer.subject !== replyTo) answer = await answers.next(); // one may come twice while certificates are swapped
  const response = JSON.parse(answer.text) as Response;
  if ('exception' in response) throw new Error(response.exception.message);
  return response.value;
}

async function call(method: string, ...args: unknown[]): Promise<unknown> {
  let value = await ask(method, args);
  for (;;) {
    const task = value as { agent_task_id?: string; state?: string } | null;
    if (task?.state !== 'running') return value;
    value = await ask('get_task', [task.agent_task_id]);
  }
}

const inMachine = (path: string) => readFile(`/proc/${agentPid()}/root${join(root, 'vcap', path)}`, 'utf8');

/** As this machine counts it: the child of the shell that is process 1 in there. */
function agentPid(): number {
  const children = (pid: number) => readFileNow(`/proc/${pid}/task/${pid}/children`).trim().split(' ').map(Number);
  const [shell = 0] = children(machine.pid ?? 0);
  return children(shell)[0] ?? 0;
}

test('it answers, in little memory, and takes over a permanent certificate', async () => {
  expect(await call('ping')).toBe('pong');
  const cert = await bus.issueCredentials(agentId, 'permanent');
  expect(await call('update_settings', { trusted_certs: '', disk_associations: [], mbus: { cert } })).toBe('ok');
  await bus.permit(agentId, { bootstrap: false });
  expect(await call('get_state', 'full')).toMatchObject({ agent_id: agentId, job_state: 'running' });
  const residentKb = Number(/VmRSS:\s+(\d+)/.exec(readFileNow(`/proc/${agentPid()}/status`))?.[1]);
  expect(residentKb).toBeLessThan(80 * 1024);
});

test('a folder of the host is its persistent disk, and is migrated to another one', async () => {
  await call('add_persistent_disk', 'disk-1', join(root, 'disk-1'));
  await call('add_persistent_disk', 'disk-2', { path: join(root, 'disk-2') });
  expect(await call('list_disk')).toEqual([]);
  await call('mount_disk', 'disk-1');
  await call('mount_disk', 'disk-1'); // asked again after a crash of the director
  expect(await inMachine('store/data')).toBe('precious');
  await call('mount_disk', 'disk-2');
  expect(await call('list_disk')).toEqual(['disk-1', 'disk-2']);
  await call('migrate_disk', 'disk-1', 'disk-2');
  expect(await call('list_disk')).toEqual(['disk-2']);
  expect(await readFile(join(root, 'disk-2', 'data'), 'utf8')).toBe('precious');
  expect(await inMachine('store/data')).toBe('precious');
  // A director that did not hear of it does it again, and may begin nowhere but here.
  await expect(call('migrate_disk', 'disk-1', 'disk-2')).rejects.toThrow('"disk-1" is not mounted at');
  await call('unmount_disk', 'disk-2');
  await call('mount_disk', 'disk-1');
  await call('mount_disk', 'disk-2');
  await call('unmount_disk', 'disk-1');
  await expect(call('mount_disk', 'disk-2')).rejects.toThrow('where a migration broke off');
  await call('unmount_disk', 'disk-2');
  await call('mount_disk', 'disk-1');
  await call('mount_disk', 'disk-2');
  await call('migrate_disk', 'disk-1', 'disk-2');
  expect(await call('list_disk')).toEqual(['disk-2']);
  expect(await inMachine('store/data')).toBe('precious');
  expect(await call('unmount_disk', 'disk-2')).toEqual({ message: 'Unmounted partition of disk-2' });
  expect(await call('unmount_disk', 'disk-2')).toEqual({ message: 'Partition of disk-2 is not mounted' });
  await expect(inMachine('store/data')).rejects.toThrow('ENOENT');
});

test('processes that outlive their parent are reaped when they end', async () => {
  // bash leaves a child to process 1; the machine's shell has to wait for it.
  const base = join(root, 'vcap');
  await call('apply', {
    deployment: 'd',
    index: 0,
    id: 'i',
    networks: {},
    job: { name: 'g', templates: [{ name: 'orphan', version: '1' }] },
  });
  const script = join(`/proc/${agentPid()}/root${base}`, 'jobs/orphan/bin');
  await mkdir(script, { recursive: true });
  await writeFile(join(script, 'run'), '#!/bin/bash\n(sleep 0.2 & echo $!)\n', { mode: 0o755 });
  const { stdout } = (await call('run_errand')) as { stdout: string };
  const orphan = Number(stdout);
  expect(orphan).toBeGreaterThan(1);
  await vi.waitFor(() => expect(readFileNow(`/proc/${agentPid()}/root/proc/${orphan}/stat`)).toBe(''), {
    timeout: 5_000,
  });
});

function readFileNow(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // gone
  }
}
