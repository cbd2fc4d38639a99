import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runCli } from '../../cli/run.ts';
import { silentLog } from '../../common/log.ts';
import { loadConfig } from '../../director/config.ts';
import { startDirector, type RunningDirector } from '../../director/main.ts';
import { readYaml } from '../../manifests/yaml.ts';
import { givenStreams } from '../support/cli-ui.ts';

const signals = { untilStopped: () => Promise.resolve(), onInterrupt: () => () => {} };

let dir: string;
let director: RunningDirector;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-in-story-'));
  director = await start();
  await writeFile(join(dir, 'ca.pem'), director.caCertificate);
}, 30_000);
beforeEach(() => rm(join(dir, 'config'), { force: true }));
afterAll(async () => {
  await director.stop();
  await rm(dir, { recursive: true, force: true });
});

async function start(port = 0): Promise<RunningDirector> {
  const file = join(dir, 'director.yml');
  const config = {
    state_directory: join(dir, 'state'),
    listen: { port, hostnames: ['127.0.0.1', 'localhost'] },
    bus: { kind: 'embedded', port: 0 },
    users: [
      { name: 'ann', password: 'koala' },
      { name: 'bob', password: 'wombat' },
    ],
    teams: [{ name: 'dev', admins: ['bob'] }],
    authentication: { kind: 'issuer', clients: [{ name: 'ci', secret: 'secret', scopes: ['bosh.read'] }] },
  };
  await writeFile(file, JSON.stringify(config));
  return startDirector(loadConfig(file, {}), { log: silentLog, version: '1', revision: '00000000', agentCommand: [] });
}

async function gantry(words: string, { typed = '', env = {} }: { typed?: string; env?: Record<string, string> } = {}) {
  const streams = { ...givenStreams(typed), columns: () => 80 };
  const code = await runCli({
    words: [...words.split(' '), '--no-color'],
    env: {
      BOSH_ENVIRONMENT: director.url,
      BOSH_CA_CERT: join(dir, 'ca.pem'),
      BOSH_CONFIG: join(dir, 'config'),
      ...env,
    },
    cwd: dir,
    streams,
    terminal: true,
    ...signals,
    version: '1',
  });
  return { code, text: streams.text(), errors: streams.errors() };
}

interface Kept {
  environments: Array<Record<string, string>>;
}
const kept = async () => readYaml(await readFile(join(dir, 'config'), 'utf8'), 'config').value as unknown as Kept; // bosh's
const keepAs = async (change: Record<string, string>) => {
  const [environment] = (await kept()).environments;
  await writeFile(join(dir, 'config'), JSON.stringify({ environments: [{ ...environment, ...change }] }));
};

test('a user logs in once, works as themselves with what their teams give, and logs out everywhere', async () => {
  const logIn = await gantry('log-in', { typed: 'bob\nwombat\n' });
  expect(logIn).toMatchObject({ code: 0, errors: '' });
  expect(logIn.text).toContain('Username (): ');
  expect(logIn.text).toContain('Successfully authenticated with UAA');
  expect((await stat(join(dir, 'config'))).mode & 0o777).toBe(0o600);
  const [environment] = (await kept()).environments;
  expect(Object.keys(environment ?? {})).toEqual(['url', 'access_token_type', 'access_token', 'refresh_token']);

  expect((await gantry('environment')).text).toMatch(/User +bob/);
  const deployments = await gantry('deployments');
  expect(deployments.text).toContain(`Using environment '${director.url}' as user 'bob' (bosh.teams.dev.admin)`);
  expect(deployments.code).toBe(0);
  expect((await gantry('clean-up -n')).text + (await gantry('clean-up -n')).errors).toContain(
    'Require one of the scopes: bosh.admin',
  );

  expect((await gantry('log-out')).text).toContain(`Logged out from '${director.url}'`);
  expect((await kept()).environments).toEqual([{ url: director.url }]);
  expect((await gantry('deployments')).errors).toContain("Not authorized: '/deployments'");
  // who kept the token has nothing of it
  await keepAs({ access_token_type: 'bearer', access_token: '', refresh_token: environment?.['refresh_token'] ?? '' });
  expect((await gantry('deployments')).errors).toContain('The log-in has ended: run `gantry log-in`');
});

test('a token that ended is replaced while a command goes on, and kept for the next one', async () => {
  await gantry('log-in', { typed: 'ann\nkoala\n' });
  const [before] = (await kept()).environments;
  await keepAs({ access_token: 'ended' });
  expect((await gantry('deployments')).code).toBe(0);
  const [after] = (await kept()).environments;
  expect(after?.['access_token']).not.toBe('ended');
  expect(after?.['refresh_token']).not.toBe(before?.['refresh_token']);
  expect((await gantry('environment')).text).toMatch(/User +ann/);
});

test('a log-in outlives the director', async () => {
  await gantry('log-in', { typed: 'ann\nkoala\n' });
  const port = Number(new URL(director.url).port);
  await director.stop();
  director = await start(port);
  expect((await gantry('environment')).text).toMatch(/User +ann/);
  await keepAs({ access_token: 'ended' });
  expect((await gantry('deployments')).code).toBe(0);
});

test('a wrong password is asked for again, some times', async () => {
  const second = await gantry('log-in', { typed: 'bob\nguess\nbob\nwombat\n' });
  expect(second).toMatchObject({ code: 0, errors: 'Failed to authenticate with UAA\n' });
  const never = await gantry('log-in', { typed: 'eve\nx\n'.repeat(5) });
  expect(never.code).toBe(1);
  expect(never.errors).toMatch(/Invalid credentials:[^]*Bad credentials/);
});

test('a program is its client, with nothing kept; a wrong secret is told in the words of the issuer', async () => {
  const env = { BOSH_CLIENT: 'ci', BOSH_CLIENT_SECRET: 'secret' };
  expect((await gantry('log-in', { env })).text).toContain('Successfully authenticated with UAA');
  expect((await gantry('environment', { env })).text).toMatch(/User +ci/);
  await expect(kept()).rejects.toThrow('ENOENT');
  const wrong = await gantry('log-in', { env: { ...env, BOSH_CLIENT_SECRET: 'guess' } });
  expect(wrong.code).toBe(1);
  expect(wrong.errors).toMatch(/Failed to authenticate with UAA[^]*status code '401'[^]*Bad client credentials/);
});

test('clients that reach the director by another of its names are sent to the issuer by that name', async () => {
  const { port } = new URL(director.url);
  const info = await gantry('curl /info', { env: { BOSH_ENVIRONMENT: `https://localhost:${port}` } });
  expect(JSON.parse(info.text.slice(info.text.indexOf('{'), info.text.lastIndexOf('}') + 1))).toMatchObject({
    user_authentication: { type: 'uaa', options: { url: `https://localhost:${port}/uaa` } },
  });
});
