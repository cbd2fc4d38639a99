import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { systemClock } from '../../common/clock.ts';
import { packStemcell } from '../../stemcells/pack-stemcell.ts';
import { buildRelease, packRelease } from '../support/release-archive.ts';
import type { MeasuredDirector } from './director-process.ts';
import { givenHome } from './director-process.ts';
import type { Figure } from './figure.ts';
import { inFolder } from './in-folder.ts';

/**
 * What an operator waits for: a director's start, and deploys of a job with templates and a compiled package onto
 * simulated machines that answer at once, so that the director's own work is all there is.
 */
export async function benchDeploys(
  program: string,
  sizes: readonly number[],
  tell: (figure: Figure) => void,
): Promise<void> {
  await inFolder(async (folder) => {
    const home = await givenHome(program, 25_998);
    try {
      const first = await home.start();
      tell({ what: 'first start to a served /info', value: first.startMs, unit: 'ms' });
      await first.stop();
      const director = await home.start();
      try {
        tell({ what: 'start to a served /info', value: director.startMs, unit: 'ms' });
        tell({ what: 'RSS, idle', value: (await director.measure()).rssMib, unit: 'MiB' });
        await prepare(director, folder);
        for (const size of sizes) (await deploysOf(director, size)).forEach(tell);
      } finally {
        await director.stop();
      }
    } finally {
      await home.remove();
    }
  });
}

async function prepare(director: MeasuredDirector, folder: string): Promise<void> {
  const release = join(folder, 'release.tgz');
  await pipeline(
    packRelease(await buildRelease({ name: 'web', jobs: { web: job }, packages })),
    createWriteStream(release),
  );
  const stemcell = join(folder, 'stemcell.tgz');
  const cloudProperties = { name: 'gantry-local', version: '1' };
  const about = { name: 'gantry-local', version: '1', operatingSystem: 'gantry-local', formats: ['memory'] };
  await pipeline(packStemcell({ ...about, cloudProperties }), createWriteStream(stemcell));
  await upload(director, '/releases', release);
  await upload(director, '/stemcells', stemcell);
  await director.client.call({
    method: 'POST',
    path: '/configs',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'cloud', name: 'default', content: cloudConfig }),
  });
}

async function upload(director: MeasuredDirector, path: string, file: string): Promise<void> {
  const body = { bytes: (await stat(file)).size, open: () => createReadStream(file) };
  const headers = { 'content-type': 'application/x-compressed' };
  await finished(director, await director.client.call({ method: 'POST', path, headers, body }).then(taskOf));
}

async function deploysOf(director: MeasuredDirector, size: number): Promise<Figure[]> {
  const name = `bench-${size}`;
  const submit = () =>
    run(director, { method: 'POST', path: '/deployments', body: manifest(name, size), type: 'text/yaml' });
  const first = await submit();
  const memory = await director.measure();
  const again = await submit();
  const rssLater = size !== trafficOf ? [] : [await rssOnceQuiet(director)];
  const gone = await run(director, { method: 'DELETE', path: `/deployments/${name}` });
  const of = `${size} instances`;
  const turnMs = Math.max(...[first, again, gone].map((each) => each.turnMsMax));
  return [
    { what: `${of}: deploy`, value: first.ms / 1000, unit: 's' },
    { what: `${of}: deploy, processor time`, value: first.cpuMs / 1000, unit: 's' },
    { what: `${of}: deploy, processor time per instance`, value: first.cpuMs / size, unit: 'ms' },
    { what: `${of}: longest wait for /info meanwhile`, value: first.waitMsMax, unit: 'ms' },
    { what: `${of}: longest turn, deploys and delete, processor time`, value: turnMs, unit: 'ms' },
    { what: `${of}: the same deploy again`, value: again.ms / 1000, unit: 's' },
    { what: `${of}: the same deploy again, processor time`, value: again.cpuMs / 1000, unit: 's' },
    { what: `${of}: delete`, value: gone.ms / 1000, unit: 's' },
    { what: `${of}: RSS once deployed`, value: memory.rssMib, unit: 'MiB' },
    { what: `${of}: memory of its Ruby meanwhile`, value: memory.childrenMib, unit: 'MiB' },
    ...rssLater.map((value) => ({ what: `${of}: RSS later, with their heartbeats`, value, unit: 'MiB' })),
  ];
}

/** So many machines say something all the time. */
const trafficOf = 1_000;
/** Ruby rests after a minute without templates; heartbeats come every 30 s. */
const quietMs = 100_000;

async function rssOnceQuiet(director: MeasuredDirector): Promise<number> {
  await systemClock.sleep(quietMs);
  return (await director.measure()).rssMib;
}

interface Run {
  ms: number;
  cpuMs: number;
  /** Of another client that asks for /info all the time: what everybody else feels of the task. */
  waitMsMax: number;
  /** Processor time of the director's main thread. */
  turnMsMax: number;
}

async function run(
  director: MeasuredDirector,
  { method, path, body, type }: { method: 'POST' | 'DELETE'; path: string; body?: string; type?: string },
): Promise<Run> {
  const { cpuMs } = await director.measure();
  await director.longestTurnMs(); // of what came before
  const startedMs = performance.now();
  const task = taskOf(
    await director.client.call({
      method,
      path,
      ...(body === undefined ? {} : { body }),
      headers: type === undefined ? {} : { 'content-type': type },
    }),
  );
  const waitMsMax = await finished(director, task);
  const ms = performance.now() - startedMs;
  const turnMsMax = await director.longestTurnMs();
  return { ms, cpuMs: (await director.measure()).cpuMs - cpuMs, waitMsMax, turnMsMax };
}

interface Task {
  id: number;
  state: string;
  result: string | null;
}

function taskOf({ text }: { text: string }): number {
  return (JSON.parse(text) as Task).id;
}

/** @returns the longest that /info took meanwhile, in ms */
async function finished(director: MeasuredDirector, task: number): Promise<number> {
  let waitMsMax = 0;
  for (;;) {
    const askedMs = performance.now();
    await director.client.call({ method: 'GET', path: '/info' });
    waitMsMax = Math.max(waitMsMax, performance.now() - askedMs);
    const { state, result } = await director.client.get<Task>(`/tasks/${task}`);
    if (state === 'done') return waitMsMax;
    if (!['queued', 'processing'].includes(state)) throw new Error(`task ${task}: ${state}: ${result}`);
    await systemClock.sleep(20);
  }
}

const job = {
  'job.MF': [
    'name: web',
    'templates: {ctl.erb: bin/ctl, web.yml.erb: config/web.yml}',
    'packages: [web]',
    'properties: {port: {default: 8080}, name: {default: web}}',
    '',
  ].join('\n'),
  monit: 'check process web with pidfile /var/vcap/sys/run/web.pid\n',
  'templates/ctl.erb': "#!/bin/sh\nexec /var/vcap/packages/web/bin/web --port <%= p('port') %>\n",
  'templates/web.yml.erb': "name: <%= p('name') %>\nid: <%= spec.id %>\naddress: <%= spec.address %>\n",
};
const packages = { web: { content: 'echo built' } };

const zones = ['z1', 'z2', 'z3'];

const cloudConfig = `
azs: [${zones.map((name) => `{name: ${name}}`).join(', ')}]
vm_types: [{name: default}]
compilation: {workers: 2, reuse_compilation_vms: true, az: z1, vm_type: default, network: default}
networks:
- name: default
  type: manual
  subnets:
${zones.map((az, n) => `  - {range: 10.${n}.0.0/16, gateway: 10.${n}.0.1, az: ${az}}`).join('\n')}
`;

function manifest(name: string, instances: number): string {
  return `
name: ${name}
releases: [{name: web, version: latest}]
stemcells: [{alias: default, os: gantry-local, version: latest}]
update: {canaries: 1, max_in_flight: 100%, canary_watch_time: 1-60000, update_watch_time: 1-60000}
instance_groups:
- name: web
  instances: ${instances}
  azs: [${zones.join(', ')}]
  vm_type: default
  stemcell: default
  networks: [{name: default}]
  jobs: [{name: web, release: web}]
`;
}
