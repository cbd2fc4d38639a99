import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { systemClock } from '../../common/clock.ts';
import { DirectorClient } from '../../cli/director-client.ts';
import type { FullInstance } from '../../director/api/contract/deployments.ts';
import type { Task } from '../../director/api/contract/tasks.ts';
import { writeTarball } from '../../releases/directory/create-release.ts';
import { packReleaseDir } from '../../releases/directory/pack-release-dir.ts';
import { packStemcell } from '../../stemcells/pack-stemcell.ts';

const run = promisify(execFile);

/** From the start of node to the first answer, on a machine that has much else to do. */
const startWaitMs = 30_000;
const commandMsMax = 240_000;
const taskMsMax = 150_000;

/** Bundled apart from dist/, which whoever works on this checkout may be running. */
export async function buildPrograms(): Promise<{ directory: string; gantry: string; remove: () => Promise<void> }> {
  await mkdir('node_modules/.cache/gantry', { recursive: true });
  const directory = resolve(await mkdtemp('node_modules/.cache/gantry/programs-'));
  await run(process.execPath, ['scripts/build.mjs', directory]);
  return {
    directory,
    gantry: join(directory, 'gantry.js'),
    remove: () => rm(directory, { recursive: true }),
  };
}

/**
 * A director that is a process of its own, as operators run it, and can be killed as such. Its state is below the home
 * directory: process machines have a /tmp of their own.
 * @param cpi lines of the config file, given where the state is
 */
export async function givenDirectorProcess(options: { gantry: string; cpi: string }) {
  const home = await mkdtemp(join(homedir(), '.gantry-test-'));
  const state = join(home, 'state');
  const config = join(home, 'director.yml');
  const configure = (cpi: string) =>
    writeFile(
      config,
      [
        `state_directory: ${JSON.stringify(state)}`,
        'listen: {port: 0, hostnames: [127.0.0.1]}',
        'bus: {kind: embedded, port: 0}', // which the director keeps, or machines would not come back after a restart
        `cpi: ${cpi}`,
        'limits: {agent_answers_seconds: 1}',
        '',
      ].join('\n'),
    );
  await configure(options.cpi);
  let program: ChildProcess | undefined;
  let client: DirectorClient | undefined;
  let env: Record<string, string> = {};

  const director = {
    home,
    state,

    /** Other lines about the CPI, for the next start. */
    configure,

    async start() {
      const console = await open(join(home, 'console.log'), 'w');
      program = spawn(process.execPath, [options.gantry, 'director', '--config', config], {
        stdio: ['ignore', console.fd, console.fd],
      });
      await console.close();
      const url = await urlOf(program, join(home, 'console.log'));
      const password = (await readFile(join(state, 'admin-password'), 'utf8')).trim();
      const caCert = await readFile(join(state, 'ca.pem'), 'utf8');
      env = { BOSH_ENVIRONMENT: url, BOSH_CLIENT: 'admin', BOSH_CLIENT_SECRET: password, BOSH_CA_CERT: caCert };
      const basic = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
      client = new DirectorClient({
        environment: url,
        caCert,
        authorization: () => Promise.resolve(basic),
        clock: systemClock,
      });
    },

    /** As a power cut would, but for what it has started. */
    async kill() {
      client?.close();
      await ended(program, 'SIGKILL');
    },

    /** A file for commands that read one. */
    async file(name: string, content: string): Promise<string> {
      await writeFile(join(home, name), content);
      return join(home, name);
    },

    /** Runs a command of the `gantry` program against it. @throws with what it printed when it fails */
    async gantry(...words: string[]): Promise<string> {
      const { stdout } = await run(process.execPath, [options.gantry, '-n', ...words], {
        // what pipelines set, and what must not colour what scripts read
        env: { ...process.env, CI: 'true', FORCE_COLOR: '1', ...env },
        timeout: commandMsMax,
      }).catch((thrown: { stdout?: string; stderr?: string; message: string }) => {
        throw new Error(`gantry ${words.join(' ')}: ${thrown.message}\n${thrown.stdout ?? ''}${thrown.stderr ?? ''}`);
      });
      return stdout;
    },

    get api(): DirectorClient {
      if (client === undefined) throw new Error('the director was not started');
      return client;
    },

    /** Its number; the task goes on by itself. */
    async beginDeploy(manifest: string, query = ''): Promise<number> {
      const headers = { 'content-type': 'text/yaml' };
      const path = `/deployments${query}`;
      return (await director.api.json<Task>({ method: 'POST', path, headers, body: manifest })).id;
    },

    async deploy(manifest: string, query = '') {
      return director.ended(await director.beginDeploy(manifest, query));
    },

    async beginDelete(deployment: string): Promise<number> {
      return (await director.api.json<Task>({ method: 'DELETE', path: `/deployments/${deployment}` })).id;
    },

    async ended(task: number) {
      const endMs = performance.now() + taskMsMax;
      for (;;) {
        const found = await director.api.get<Task>(`/tasks/${task}`);
        if (['done', 'error', 'cancelled'].includes(found.state)) {
          return { ...found, events: await director.output(task, 'event') };
        }
        if (performance.now() > endMs) {
          throw new Error(
            `task ${task} is ${found.state} after ${taskMsMax} ms:\n${await director.output(task, 'debug')}`,
          );
        }
        await systemClock.sleep(50);
      }
    },

    async output(task: number, type: 'event' | 'debug' | 'cpi' | 'result'): Promise<string> {
      return (await director.api.attempt({ method: 'GET', path: `/tasks/${task}/output?type=${type}` })).text;
    },

    /** As `gantry instances` asks: every agent, now. */
    async instances(deployment: string): Promise<FullInstance[]> {
      const path = `/deployments/${deployment}/instances?format=full`;
      const { id } = await director.api.json<Task>({ method: 'GET', path });
      await director.ended(id);
      const lines = (await director.output(id, 'result')).split('\n').filter((line) => line !== '');
      return lines.map((line) => JSON.parse(line) as FullInstance); // the contract's
    },

    /** Ends the director in order, and removes all that is left: after a test that failed, machines too. */
    async close() {
      client?.close();
      await ended(program, 'SIGTERM');
      for (const pid of await processesThatMount(home)) killIfThere(pid);
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return director;
}

export type DirectorProcess = Awaited<ReturnType<typeof givenDirectorProcess>>;

/** Two zones of addresses that begin with `network`, as `127.80`: each test file has some of its own. */
export const greeterCloudConfig = ({ network }: { network: string }) => `
azs: [{name: z1}, {name: z2}]
networks:
- name: default
  subnets:
  - {range: ${network}.1.0/24, gateway: ${network}.1.1, azs: [z1]}
  - {range: ${network}.2.0/24, gateway: ${network}.2.1, azs: [z2]}
vm_types: [{name: default}]
disk_types: [{name: small, disk_size: 64}]
compilation: {workers: 1, reuse_compilation_vms: true, network: default, az: z1, vm_type: default}
`;

export const greeterManifest = ({ instances = 1, greeting = 'Hello', drainSeconds = 0 } = {}) => `
name: greeter
releases: [{name: greeter, version: latest}]
stemcells: [{alias: default, os: local, version: latest}]
update: {canaries: 1, max_in_flight: 2, canary_watch_time: 500-9500, update_watch_time: 500-9500}
instance_groups:
- name: greeter
  instances: ${instances}
  azs: [z1, z2]
  vm_type: default
  stemcell: default
  persistent_disk_type: small
  networks: [{name: default}]
  jobs:
  - name: greeter
    release: greeter
    properties: {greeting: ${greeting}, drain_seconds: ${drainSeconds}}
`;

/** The release that we ship and a stemcell for local machines, uploaded as an operator would. */
export async function uploadGreeter(director: DirectorProcess, stemcellFormat: string): Promise<void> {
  const workDir = join(director.home, 'artifacts');
  await mkdir(workDir, { recursive: true });
  const [release, stemcell] = [join(workDir, 'greeter.tgz'), join(workDir, 'stemcell.tgz')];
  await writeTarball(await packReleaseDir({ dir: 'releases/shipped/greeter', workDir, version: '1' }), release);
  await pipeline(
    packStemcell({
      name: 'local',
      version: '1',
      operatingSystem: 'local',
      formats: [stemcellFormat],
      cloudProperties: { name: 'local', version: '1' },
    }),
    createWriteStream(stemcell),
  );
  await director.gantry('upload-release', release);
  await director.gantry('upload-stemcell', stemcell);
}

/** Processes that see anything below a directory among their mounts, as all of a process machine do. */
export async function processesThatMount(directory: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const sees = async (pid: string) => {
    // Those that end meanwhile see nothing
    const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '');
    return mounts.includes(directory);
  };
  const seen = await Promise.all(pids.map(sees));
  return pids.filter((_, i) => seen[i]).map(Number);
}

/** The id of each agent that runs on a machine below a directory, twice where two run. */
export async function agentsOn(directory: string): Promise<string[]> {
  const ids = (await processesThatMount(directory)).map(async (pid) => {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (command[0]?.split('/').at(-1)?.startsWith('node') !== true || !command.includes('--settings')) return [];
    const settings = await readFile(`/proc/${pid}/root/var/vcap/bosh/settings.json`, 'utf8').catch(() => undefined);
    return settings === undefined ? [] : [(JSON.parse(settings) as { agent_id: string }).agent_id]; // ours
  });
  return (await Promise.all(ids)).flat();
}

async function urlOf(program: ChildProcess, console: string): Promise<string> {
  const endMs = performance.now() + startWaitMs;
  for (;;) {
    const text = await readFile(console, 'utf8');
    const started = text.split('\n').find((line) => line.includes('"event":"director-started"'));
    const url = started === undefined ? undefined : (JSON.parse(started) as { url: string }).url; // director/main.ts
    if (url !== undefined) return url;
    if (program.exitCode !== null || performance.now() > endMs) throw new Error(`the director did not start: ${text}`);
    await systemClock.sleep(20);
  }
}

async function ended(program: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (program === undefined || program.exitCode !== null || program.signalCode !== null) return;
  const exit = new Promise<void>((done) => program.once('exit', () => done()));
  program.kill(signal);
  await exit;
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it ended with its machine
  }
}
