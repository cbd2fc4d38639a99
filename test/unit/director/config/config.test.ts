import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { InvalidInput } from '../../../../common/errors.ts';
import { loadConfig } from '../../../../director/config.ts';
import { renderConfigReference } from '../../../../director/config/reference.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function load(text: string, env: Record<string, string> = {}) {
  const file = join(dir, 'director.yml');
  writeFileSync(file, text);
  return loadConfig(file, env);
}

function faultsOf(text: string, env: Record<string, string> = {}): string[] {
  try {
    load(text, env);
  } catch (thrown) {
    if (thrown instanceof InvalidInput) return thrown.faults.map(({ path, message }) => `${path}: ${message}`);
    throw thrown;
  }
  return [];
}

test('without a file everything has its default, in the home of the state', () => {
  const config = loadConfig(undefined, { GANTRY_HOME: dir });
  expect(config).toMatchObject({
    name: 'gantry',
    stateDirectory: dir,
    listen: { address: '127.0.0.1', port: 25555 },
    users: [],
    database: { kind: 'sqlite', file: join(dir, 'director.sqlite') },
    bus: { kind: 'embedded', port: 4222 },
    cpi: { kind: 'memory', machines: 'simulated' },
    blobstore: { kind: 'local', directory: join(dir, 'blobs') },
    agent: { readyTimeoutSeconds: 600, keepUnreachableVms: false },
  });
});

test('paths of the operator are beside the file, those of the director in the state directory', () => {
  const config = load(`
    state_directory: state
    listen: { certificate: tls/cert.pem, private_key: /etc/tls/key.pem }
    cpi: { kind: executable, path: ./cpi }
  `);
  expect(config.stateDirectory).toBe(join(dir, 'state'));
  expect(config.listen.certificate).toBe(join(dir, 'tls/cert.pem'));
  expect(config.listen.privateKey).toBe('/etc/tls/key.pem');
  expect(config.cpi).toMatchObject({ kind: 'executable', path: join(dir, 'cpi'), timeoutSeconds: 3600 });
  expect(config.database).toMatchObject({ file: join(dir, 'state', 'director.sqlite') });
});

test('secrets come from the environment', () => {
  const text = 'users: [{ name: ann, password: { env: ANN } }]';
  expect(load(text, { ANN: 's3cret' }).users).toEqual([{ name: 'ann', password: 's3cret', scopes: ['bosh.admin'] }]);
  expect(faultsOf(text)).toEqual(['users.0.password: the environment variable ANN is not set']);
});

test('all faults are told at once, each with its path and line, and never a secret', () => {
  const text = `nam: x
listen:
  port: 99999
  hostnames: localhost
users:
- { name: "a:b", password: 12345 }
database: { kind: postgresql }
templates: { engine: wasn }
log: quiet
`;
  let thrown: unknown;
  try {
    load(text);
  } catch (caught) {
    thrown = caught;
  }
  expect(thrown).toBeInstanceOf(InvalidInput);
  const { faults, message } = thrown as InvalidInput;
  expect(faults).toEqual([
    { path: 'nam', message: 'is not known here', suggestion: 'did you mean "name"?', line: 1 },
    { path: 'listen.port', message: 'must be a whole number from 0 to 65535, not 99999', line: 3 },
    { path: 'listen.hostnames', message: 'must be a list, not "localhost"', line: 4 },
    { path: 'users.0.name', message: 'must be a name without a colon, not "a:b"', line: 6 },
    { path: 'users.0.password', message: 'must be text, or { env: NAME }', line: 6 },
    {
      path: 'database.kind',
      message: 'must be sqlite or postgres, not "postgresql"',
      suggestion: 'did you mean "postgres"?',
      line: 7,
    },
    {
      path: 'templates.engine',
      message: 'must be one of wasm, native, not "wasn"',
      suggestion: 'did you mean "wasm"?',
      line: 8,
    },
    { path: 'log', message: 'must be a map, not "quiet"', line: 9 },
  ]);
  expect(message).not.toContain('12345');
});

test('what must be there is asked for', () => {
  expect(faultsOf('cpi: { kind: executable }')[0]).toMatch(/^cpi.path: is missing: The CPI program/);
  expect(faultsOf('listen: { certificate: a.pem }')).toEqual(['listen: certificate and private_key belong together']);
  expect(faultsOf('users: [{ name: a, password: x }, { name: a, password: y }]')).toEqual([
    'users.1.name: "a" is here twice',
  ]);
  expect(faultsOf('users: [{ name: a, password: "scrypt:99:8:1:AAAA:AAAA" }]')).toEqual([
    'users.0.password: looks like a hash, but can not be checked',
  ]);
});

test('the health monitor has BOSH’s intervals, and tells the log and the record of events', () => {
  const { health } = load('');
  expect(health).toMatchObject({
    enabled: true,
    intervals: {
      pollDirectorSeconds: 60,
      pollGracePeriodSeconds: 30,
      agentTimeoutSeconds: 60,
      rogueAgentAlertSeconds: 120,
    },
    notifiers: [{ kind: 'logger', events: ['alert'] }, { kind: 'event_logger' }],
  });
  const named = load(
    'health: { notifiers: [{ kind: webhook, url: "https://x/", secret: { env: HOOK }, ca_certificate: ca.pem }] }',
    { HOOK: 's3cret' },
  );
  expect(named.health.notifiers).toEqual([
    { kind: 'webhook', url: 'https://x/', secret: 's3cret', caCertificate: join(dir, 'ca.pem'), events: ['alert'] },
  ]);
});

test('notifiers are told apart by their kind, and what is wrong with one is told with its place', () => {
  const text = `health:
  notifiers:
  - kind: consul_event_forwarder
  - { kind: webhook, url: "ftp://x" }
  - { kind: data_dog, api_key: a, application_key: b, events: [heartbeats] }
`;
  expect(faultsOf(text)).toEqual([
    'health.notifiers.0.kind: must be logger or event_logger or webhook or json or email or pagerduty or data_dog or graphite or tsdb, not "consul_event_forwarder"',
    'health.notifiers.1.url: must be a URL that begins with https:// or http://, not "ftp://x"',
    'health.notifiers.2.events.0: must be one of alert, heartbeat, not "heartbeats"',
  ]);
  const mail = (more: string) =>
    faultsOf(`health: { notifiers: [{ kind: email, recipients: [], from: a@b, host: h, ${more} }] }`);
  expect(mail('user: ops')).toEqual([
    'health.notifiers.0.recipients: must name somebody',
    'health.notifiers.0.user: user and password belong together',
  ]);
  expect(mail('user: ops, password: x, tls: none')[1]).toBe(
    'health.notifiers.0.tls: must not be none: anybody on the way could read the password',
  );
});

test('teams give their members scopes; whoever is in one is no admin unless told so', () => {
  const config = load(`
    users:
    - { name: ann, password: x }
    - { name: bob, password: x }
    - { name: cat, password: x, scopes: [bosh.read] }
    - { name: eve, password: x, scopes: [] }
    teams:
    - { name: dev, admins: [bob, ci], readers: [cat] }
    - { name: ops, readers: [bob] }
    authentication: { kind: issuer, clients: [{ name: ci, secret: s }, { name: spare, secret: s }] }
  `);
  expect(config.users.map(({ name, scopes }) => [name, scopes])).toEqual([
    ['ann', ['bosh.admin']],
    ['bob', ['bosh.teams.dev.admin', 'bosh.teams.ops.read']],
    ['cat', ['bosh.read', 'bosh.teams.dev.read']],
    ['eve', []],
  ]);
  expect(config.authentication).toMatchObject({
    accessTokenSeconds: 600,
    logInHours: 24,
    clients: [
      { name: 'ci', scopes: ['bosh.teams.dev.admin'] },
      { name: 'spare', scopes: [] },
    ],
  });
});

test('what is wrong between users, clients and teams is told with its place', () => {
  expect(
    faultsOf(`
      users: [{ name: ann, password: x }]
      teams: [{ name: dev, admins: [anne] }, { name: dev, readers: [ann] }]
      authentication: { kind: issuer, clients: [{ name: bosh_cli, secret: "scrypt:x" }] }
    `),
  ).toEqual([
    'teams.1.name: "dev" is here twice',
    'authentication.clients.0.secret: looks like a hash, but can not be checked',
    'authentication.clients.0.name: "bosh_cli" is the client of all users: take another',
    'teams.0.admins.0: "anne" is neither a user nor a client of this file',
  ]);
  expect(faultsOf('teams: [{ name: a.b }]')).toEqual([
    'teams.0.name: must be a name without dots and spaces, not "a.b"',
  ]);
  expect(faultsOf('authentication: { kind: issuer, url: "http://x" }')).toEqual([
    'authentication.url: must be a URL that begins with https://, not "http://x"',
  ]);
});

test('a file that was named and is not there is told by its path', () => {
  expect(() => loadConfig(join(dir, 'none.yml'), {})).toThrow(/none\.yml can't be read: there is no such file/);
  expect(() => loadConfig(undefined, { GANTRY_CONFIG: join(dir, 'none.yml') })).toThrow(/there is no such file/);
});

test('JSON is a config too', () => {
  expect(load('{"name": "dev", "tasks": {"workers": 8}}')).toMatchObject({ name: 'dev', tasks: { workers: 8 } });
});

test('the reference page is the one that the schema makes', () => {
  // Out of date? Run scripts/render-config-reference.ts.
  const page = readFileSync(new URL('../../../../docs/operators/configuration.md', import.meta.url), 'utf8');
  expect(page).toBe(renderConfigReference());
});
