import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../common/log.ts';
import { openAudit } from '../../director/main/open-audit.ts';
import { givenIssuer } from '../support/given-issuer.ts';

let dir: string;
let told: Array<[event: string, fields: Record<string, unknown>]>;
let audit: ReturnType<typeof openAudit>;
let world: Awaited<ReturnType<typeof givenIssuer>>;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'audit-'));
  told = [];
  const log = { ...silentLog, info: (event: string, fields = {}) => void told.push([event, fields]) };
  const settings = { log: true, file: join(dir, 'changes'), logAccessEvents: true, accessFile: join(dir, 'audit.log') };
  audit = openAudit({ audit: settings }, log, { version: '1.2.3', port: () => 25555, authType: 'uaa' });
  world = await givenIssuer({
    users: [{ name: 'ann', password: 'koala' }],
    clients: [{ name: 'ci', password: 'secret', scopes: ['bosh.read'] }],
    api: { audit: audit.tell },
  });
});
afterEach(async () => {
  await world.close();
  await rm(dir, { recursive: true });
});

const headers = { 'content-type': 'text/yaml', 'user-agent': 'bosh/7', 'x-forwarded-for': '10.9.8.7' };

/** Closed first: then all lines are there. */
async function linesOf(file: string): Promise<string[]> {
  await world.api.fetch('/info', { user: null });
  audit.close();
  return (await readFile(join(dir, file), 'utf8')).trimEnd().split('\n');
}

test('every change is told with who asked for it, from where and what came of it; reading is not', async () => {
  const ann = await world.logIn('ann', 'koala');
  const ci = await world.token({ grant_type: 'client_credentials' }, 'ci:secret');
  await world.as('/deployments', ann);
  const body = 'azs: [{ name: hidden-in-the-body }]';
  const change = (by: typeof ann) =>
    world.api.fetch('/cloud_configs?name=x', {
      method: 'POST',
      body,
      user: null,
      headers: { ...headers, authorization: `bearer ${by.access_token}` },
    });
  expect((await change(ann)).status).toBe(201);
  expect((await change(ci)).status).toBe(401);
  await world.refused({ grant_type: 'password', username: 'ann', password: 'guess' });

  const lines = (await linesOf('changes')).map((line) => JSON.parse(line) as Record<string, unknown>);
  const changes = lines.filter(({ path }) => path === '/cloud_configs');
  const common = { from: '127.0.0.1', forwardedFor: '10.9.8.7', method: 'POST', path: '/cloud_configs', tookMs: 0 };
  expect(changes).toEqual(
    [
      {
        time: new Date(world.clock.now()).toISOString(),
        user: 'ann',
        client: 'bosh_cli',
        ...common,
        tookMs: expect.any(Number),
        status: 201,
      },
      {
        time: expect.any(String),
        user: 'ci',
        client: 'ci',
        ...common,
        tookMs: expect.any(Number),
        status: 401,
        reason: expect.stringMatching(/^Require one of the scopes: bosh.admin/),
      },
    ].map((each) => ({ ...each, time: expect.any(String) as string })),
  );
  expect(lines.at(-1)).toMatchObject({
    user: null,
    attempted: 'ann',
    path: '/uaa/oauth/token',
    status: 401,
    reason: 'Bad credentials',
  });
  expect(lines.filter(({ method }) => method === 'GET')).toEqual([]);
  expect(told.filter(([event]) => event === 'request-audited')).toHaveLength(lines.length);
});

test('each request is a CEF line with the fields of a BOSH director, and none has a secret or a body', async () => {
  const ann = await world.logIn('ann', 'koala');
  const ci = await world.token({ grant_type: 'client_credentials' }, 'ci:secret');
  await world.api.fetch('/deployments', {
    user: null,
    headers: { ...headers, authorization: `bearer ${ci.access_token}` },
  });
  await world.as('/cleanup', ann, { method: 'POST', body: 'no json' });
  await world.api.fetch('/a%7Cb', { user: null });

  const lines = await linesOf('audit.log');
  const about = (path: string) => lines.find((line) => line.includes(`|${path}|`)) ?? '';
  expect(about('/deployments')).toMatch(
    /^I, \[.*\] .*CEF:0\|CloudFoundry\|BOSH\|1\.2\.3\|director_api\|\/deployments\|1\|requestClientApplication=ci requestMethod=GET src=127\.0\.0\.1 spt=25555 shost=\S+ cs1=\S* cs1Label=ips cs2=HOST=\S+&X_FORWARDED_FOR=10\.9\.8\.7&USER_AGENT=bosh\/7 cs2Label=httpHeaders cs3=uaa cs3Label=authType cs4=200 cs4Label=responseStatus$/,
  );
  expect(about('/cleanup')).toMatch(/\|7\|duser=ann requestClientApplication=bosh_cli requestMethod=POST .* cs4=404 /);
  expect(about('/a%7Cb')).toMatch(/\|7\|requestMethod=GET .* cs3=none cs3Label=authType cs4=401 /);
  expect(lines.join('\n')).not.toMatch(/koala|secret|no json/);
  expect(lines.join('\n')).not.toContain(ann.access_token);
});

test('a file that can not be written is told at the start', () => {
  const settings = { log: false, file: join(dir, 'none', 'file'), logAccessEvents: false, accessFile: '' };
  expect(() => openAudit({ audit: settings }, silentLog, { version: '1', port: () => 1, authType: 'basic' })).toThrow(
    /^audit\.file: .*none.file can't be written/,
  );
});
