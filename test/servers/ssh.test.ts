import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Connector, type Host } from '../../cli/ssh/connector.ts';
import { openShell, type Terminal } from '../../cli/ssh/shell.ts';
import type { SshSession } from '../../director/api/contract/access.ts';
import type { Task } from '../../director/api/contract/tasks.ts';
import {
  buildPrograms,
  givenDirectorProcess,
  greeterCloudConfig,
  greeterManifest,
  uploadGreeter,
  type DirectorProcess,
} from '../support/given-director-process.ts';

// Accounts that agents make, on machines of this box with ssh servers of their own, and everybody who logs in to them:
// our CLI, OpenSSH's client, a gateway. Needs root, openssh-server and sudo.

const run = promisify(execFile);
const soon = { timeout: 20_000, interval: 100 };
let programs: Awaited<ReturnType<typeof buildPrograms>>;
let director: DirectorProcess;
let work: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'ssh-test-'));
  programs = await buildPrograms();
  director = await givenDirectorProcess({ gantry: programs.gantry, cpi: '{kind: memory, machines: process}' });
  await director.start();
  await uploadGreeter(director, 'memory');
  await director.gantry(
    'update-cloud-config',
    await director.file('cloud.yml', greeterCloudConfig({ network: '127.86' })),
  );
  await director.gantry(
    '-d',
    'greeter',
    'deploy',
    await director.file('greeter.yml', greeterManifest({ instances: 2 })),
  );
}, 120_000);
afterAll(async () => {
  await director.gantry('-d', 'greeter', 'delete-deployment');
  await director.close();
  await programs.remove();
  await rm(work, { recursive: true });
});

const gantry = (...words: string[]) => director.gantry('-d', 'greeter', ...words);
const lines = (text: string) => text.replaceAll('\r', '').trim().split('\n').sort();

/** Homes of accounts that are there, of all machines. */
async function accounts(): Promise<string[]> {
  const vms = join(director.state, 'infrastructure/machines/vms');
  const homes = (await readdir(vms)).map((vm) => readdir(join(vms, vm, 'vcap/bosh_ssh')).catch(() => [] as string[]));
  return (await Promise.all(homes)).flat();
}

/** An account that stays until the next `cleanUp`, with a key of the caller's. */
async function setUp(user: string, publicKey: string): Promise<SshSession[]> {
  const body = { target: { ids: [], indexes: [] }, command: 'setup', params: { user, public_key: publicKey } };
  const { id } = await director.api.json<Task>({
    method: 'POST',
    path: '/deployments/greeter/ssh',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(await director.ended(id)).toMatchObject({ state: 'done' });
  return JSON.parse(await director.output(id, 'result')) as SshSession[]; // the contract's
}

async function cleanUp(user: string): Promise<void> {
  const body = { target: { ids: [], indexes: [] }, command: 'cleanup', params: { user_regex: `^${user}` } };
  const { id } = await director.api.json<Task>({
    method: 'POST',
    path: '/deployments/greeter/ssh',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(await director.ended(id)).toMatchObject({ state: 'done' });
}

/** As `gantry ssh` makes them, with an account on both machines. */
async function givenHosts(user: string): Promise<[Host, Host]> {
  const keys = ssh2.utils.generateKeyPairSync('ed25519');
  const [first, second] = (await setUp(user, keys.public)).map((session): Host => ({
    label: `${session.job}/${session.id}`,
    address: session.ip ?? '',
    user,
    privateKey: keys.private,
    hostPublicKey: session.host_public_key ?? '',
  }));
  if (first === undefined || second === undefined) throw new Error('two were deployed');
  return [first, second];
}

test('a command runs on all instances side by side; accounts are there for it alone, and not on the computer', async () => {
  const said = lines(await gantry('ssh', '-c', 'id -un; pwd; sudo -n id -un'));
  const ids = (await director.instances('greeter')).map(({ id }) => id).sort();
  for (const id of ids) {
    const own = said.filter((line) => line.startsWith(`greeter/${id}: stdout | `)).map((line) => line.split(' | ')[1]);
    const user = own.find((line) => line?.startsWith('bosh_'));
    expect(new Set(own)).toEqual(new Set([`/var/vcap/bosh_ssh/${user}`, user, 'root']));
  }
  await expect.poll(accounts, soon).toEqual([]);
  expect(await readFile('/etc/passwd', 'utf8')).not.toContain('bosh_');
});

test('what a command exits with fails the whole, named by instance, and is in the table of results', async () => {
  const failed = await gantry('ssh', 'greeter/0', '-c', 'exit 5').catch((thrown: Error) => thrown.message);
  expect(failed).toMatch(/1 error occurred:\n\s+\* greeter\/\S+: exit status 5/);
  const table = await gantry(
    'ssh',
    'greeter/0',
    '-r',
    '-c',
    'echo out',
    '--json',
    '--column',
    'stdout',
    '--column',
    'exit_code',
  );
  expect(JSON.parse(table)).toMatchObject({ Tables: [{ Rows: [{ stdout: 'out\r\n', exit_code: '0' }] }] });
});

test('files go there and come back, folders and patterns too', async () => {
  await mkdir(join(work, 'tree/below'), { recursive: true });
  await writeFile(join(work, 'tree/one.txt'), '1');
  await writeFile(join(work, 'tree/below/two.txt'), '2', { mode: 0o600 });
  await gantry('scp', '-r', join(work, 'tree'), 'greeter:/tmp/there');
  await mkdir(join(work, 'back'));
  await gantry('scp', '-r', 'greeter/0:/tmp/there', join(work, 'back'));
  expect(await readFile(join(work, 'back/there/below/two.txt'), 'utf8')).toBe('2');
  await gantry('scp', 'greeter:/tmp/there/o*.txt', join(work, 'one-((instance_id)).txt'));
  expect((await readdir(work)).filter((name) => name.startsWith('one-'))).toHaveLength(2);
  const failed = await gantry('scp', 'greeter/0:/tmp/nothing', work).catch((thrown: Error) => thrown.message);
  expect(failed).toContain('/tmp/nothing: No such file or directory');
});

test('logs are shown as they are written', async () => {
  const shown = lines(await gantry('logs', 'greeter/0', '--num', '1', '--job', 'greeter', '--quiet'));
  expect(shown.filter((line) => line.includes('stdout |')).length).toBeGreaterThan(0);
});

test('OpenSSH logs in with the key that the agent told, and a shell is one', async () => {
  const [host, other] = await givenHosts('bosh_openssh');
  const [keyFile, known] = [join(work, 'key'), join(work, 'known_hosts')];
  await writeFile(keyFile, host.privateKey, { mode: 0o600 });
  await writeFile(known, `${host.address} ${host.hostPublicKey}\n`);
  const options = ['-i', keyFile, '-o', `UserKnownHostsFile=${known}`, '-o', 'StrictHostKeyChecking=yes'];
  const { stdout } = await run('ssh', [...options, `${host.user}@${host.address}`, 'id -Gn']);
  expect(stdout.trim().split(' ')).toEqual(expect.arrayContaining(['bosh_openssh', 'bosh_sudoers', 'bosh_sshers']));

  const connector = new Connector({ kind: 'none' });
  const [input, output] = [new PassThrough(), new PassThrough()];
  const shown: string[] = [];
  output.on('data', (bytes: Buffer) => shown.push(bytes.toString()));
  const terminal = { input, output: Object.assign(output, { rows: 33, columns: 101 }) } as unknown as Terminal; // what a shell uses of one
  const shell = openShell({ hosts: [host], connector }, terminal);
  input.write('stty size; exit 4\n');
  await expect(shell).rejects.toThrow('exit status 4');
  expect(shown.join('')).toContain('33 101');

  await expect(connector.connect({ ...host, hostPublicKey: other.hostPublicKey })).rejects.toThrow(
    /verification failed/,
  );
  const through = new Connector({
    kind: 'ssh',
    host: other.address,
    port: 22,
    user: other.user,
    key: { privateKey: other.privateKey },
  });
  const client = await through.connect(host);
  const from = await new Promise<string>((resolve, reject) =>
    client.exec('echo $SSH_CONNECTION', (error, channel) => {
      if (error !== undefined) return reject(error);
      channel.on('data', (bytes: Buffer) => resolve(bytes.toString()));
    }),
  );
  expect(from).toMatch(new RegExp(` ${host.address.replaceAll('.', '\\.')} 22\n`));
  for (const each of [connector, through]) each.close();
  await cleanUp(host.user);
  expect(await accounts()).toEqual([]);
});
