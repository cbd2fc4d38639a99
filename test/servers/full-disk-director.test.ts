import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Sqlite } from '../../director/store/better-sqlite3.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DirectorClient } from '../../cli/director-client.ts';
import { systemClock } from '../../common/clock.ts';
import { silentLog } from '../../common/log.ts';
import { loadConfig } from '../../director/config.ts';
import { startDirector, type RunningDirector } from '../../director/main.ts';
import { packStemcell } from '../../stemcells/pack-stemcell.ts';
import { buildRelease, bytesOf, packRelease, simpleJob } from '../support/release-archive.ts';

// A whole director whose state is on a file system that gets really full; mounting one needs root.

let dir: string;
let state: string;
let director: RunningDirector;
let api: DirectorClient;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'full-director-'));
  state = join(dir, 'state');
  mkdirSync(state);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', state]);
  const file = join(dir, 'director.yml');
  writeFileSync(
    file,
    'state_directory: state\nlisten: {port: 0, hostnames: [127.0.0.1]}\nbus: {port: 0}\nlimits: {free_disk_mib: 0}\n',
  );
  const config = loadConfig(file, {});
  director = await startDirector(config, { log: silentLog, version: '0', revision: '0', agentCommand: [] });
  const password = readFileSync(join(state, 'admin-password'), 'utf8').trim();
  const basic = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
  api = new DirectorClient({
    environment: director.url,
    caCert: director.caCertificate,
    authorization: () => Promise.resolve(basic),
    clock: systemClock,
  });
});
afterEach(async () => {
  api.close();
  await director.stop();
  execFileSync('umount', [state]);
  rmSync(dir, { recursive: true });
});

const ballast = () => join(state, 'ballast');
const fill = () => expect(() => writeFileSync(ballast(), Buffer.alloc(64 * 1024 * 1024))).toThrow(/ENOSPC/);

const post = (path: string, type: string, content: Buffer | string) => {
  const bytes = Buffer.from(content);
  const body = { bytes: bytes.length, open: () => Readable.from([bytes]) };
  return api.attempt({ method: 'POST', path, headers: { 'content-type': type }, body });
};

/** The task that a request was answered with, after the redirect. */
const pathOf = ({ text }: { text: string }) => `/tasks/${(JSON.parse(text) as { id: number }).id}`; // the contract's

async function ended(answer: { text: string }): Promise<{ state: string; result: string }> {
  for (;;) {
    const task = await api.get<{ state: string; result: string }>(pathOf(answer));
    if (!['queued', 'processing'].includes(task.state)) return task;
    await systemClock.sleep(50);
  }
}

const cloudConfig = `
azs: [{name: z1}]
networks: [{name: default, subnets: [{range: 10.0.0.0/24, gateway: 10.0.0.1, azs: [z1]}]}]
vm_types: [{name: small}]
compilation: {workers: 1, network: default, az: z1, vm_type: small}
`;
const manifest = (instances: number) => `
name: web
releases: [{name: web, version: latest}]
stemcells: [{alias: default, os: local, version: latest}]
update: {canaries: 1, max_in_flight: 2, canary_watch_time: 1-1000, update_watch_time: 1-1000}
instance_groups:
- {name: web, instances: ${instances}, azs: [z1], vm_type: small, stemcell: default, networks: [{name: default}],
   jobs: [{name: web, release: web}]}
`;

test('what writes is refused while the disk is full, what reads goes on, and all is well when there is room', async () => {
  const stemcell = await bytesOf(
    packStemcell({ name: 'local', version: '1', operatingSystem: 'local', formats: ['memory'], cloudProperties: {} }),
  );
  const release = await bytesOf(packRelease(await buildRelease({ jobs: { web: simpleJob('web') }, packages: {} })));
  const uploadRelease = () => post('/releases', 'application/x-compressed', release);
  const deploy = (instances: number) => post('/deployments', 'text/yaml', manifest(instances));
  expect(await ended(await post('/stemcells', 'application/x-compressed', stemcell))).toMatchObject({ state: 'done' });
  expect(await ended(await uploadRelease())).toMatchObject({ state: 'done' });
  await post('/cloud_configs', 'text/yaml', cloudConfig);
  expect(await ended(await deploy(1))).toMatchObject({ state: 'done' });

  // Full before anything begins: nothing begins
  fill();
  expect(await uploadRelease()).toMatchObject({ status: 507, text: expect.stringContaining('No room for an upload') });
  const full = { status: 507, text: expect.stringContaining('its disk is full. Free some space') };
  expect(await deploy(2)).toMatchObject(full);
  expect(await post('/cloud_configs', 'text/yaml', `${cloudConfig}\n# new`)).toMatchObject(full);
  expect(await api.get('/info')).toMatchObject({ name: 'gantry' });
  expect(await api.get('/deployments')).toMatchObject([{ name: 'web' }]);

  // Full in the middle: the task ends once that can be written, and says why
  rmSync(ballast());
  const begun = await deploy(30);
  const events = async () => (await api.attempt({ method: 'GET', path: `${pathOf(begun)}/output?type=event` })).text;
  await expect.poll(events, { interval: 20, timeout: 20_000 }).toContain('Creating missing vms');
  fill();
  await systemClock.sleep(5000); // its end may find no room in the database: it is written when there is
  expect(await api.get('/info')).toMatchObject({ name: 'gantry' });
  rmSync(ballast());
  expect(await ended(begun)).toMatchObject({ state: 'error', result: expect.stringMatching(/full/) });
  expect(await ended(await deploy(3))).toMatchObject({ state: 'done' });
  expect(await api.get('/locks')).toEqual([]);
  const db = new Sqlite(join(state, 'director.sqlite'), { readonly: true });
  expect(db.pragma('integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  db.close();
}, 120_000);
