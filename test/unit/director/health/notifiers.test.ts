import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Heartbeat } from '../../../../agent/protocol.ts';
import { systemClock, VirtualClock } from '../../../../common/clock.ts';
import { id } from '../../../../common/ids.ts';
import { silentLog, type Log } from '../../../../common/log.ts';
import { CertificateAuthority } from '../../../../director/bus/certificates/authority.ts';
import { alertOf, type Alert, type HeartbeatEvent } from '../../../../director/health/events.ts';
import { datadog } from '../../../../director/health/notifiers/datadog.ts';
import { email, type EmailOptions } from '../../../../director/health/notifiers/email.ts';
import { eventLogger } from '../../../../director/health/notifiers/event-logger.ts';
import { executables } from '../../../../director/health/notifiers/executables.ts';
import { graphite, tsdb } from '../../../../director/health/notifiers/graphite.ts';
import { logger } from '../../../../director/health/notifiers/logger.ts';
import { pagerduty } from '../../../../director/health/notifiers/pagerduty.ts';
import { signatureOf, webhook } from '../../../../director/health/notifiers/webhook.ts';
import { openStore } from '../../../../director/store/open-store.ts';
import { givenHttpServer } from '../../../support/health/given-http-server.ts';
import { givenSmtpServer, type SmtpServerOptions } from '../../../support/health/given-smtp-server.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const opened = async <T extends { close: () => unknown }>(opening: Promise<T>): Promise<T> => {
  const one = await opening;
  closers.push(() => one.close());
  return one;
};

const signal = new AbortController().signal;

const alert = (more: Partial<Alert> = {}) =>
  alertOf({
    id: 'a-1',
    severity: 2,
    title: 'agent-0 has timed out',
    source: 'web: web(0)',
    deployment: 'web',
    job: 'web',
    instanceId: 'i-0',
    createdAt: 1_893_456_000,
    ...more,
  });

const heartbeat = (more: Partial<Heartbeat> = {}): HeartbeatEvent => ({
  kind: 'heartbeat',
  id: 'h-1',
  timestamp: 1_893_456_000,
  agentId: id('agent-0'),
  deployment: 'my web',
  job: 'web',
  instanceId: 'i-0',
  teams: ['ateam'],
  heartbeat: {
    deployment: 'web',
    job: 'web',
    index: 0,
    job_state: 'running',
    vitals: { load: ['0.5'], mem: { percent: '10', kb: '2048' } },
    node_id: '',
    number_of_processes: 1,
    ...more,
  },
});

const wireAlert = {
  kind: 'alert',
  id: 'a-1',
  severity: 2,
  category: null,
  title: 'agent-0 has timed out',
  summary: 'agent-0 has timed out',
  source: 'web: web(0)',
  deployment: 'web',
  created_at: 1_893_456_000,
};

async function serverCertificate() {
  const authority = new CertificateAuthority(CertificateAuthority.create('test', systemClock), systemClock);
  const issued = await authority.issue({
    commonName: 'server',
    use: 'server',
    hosts: ['127.0.0.1'],
    validMs: 3_600_000,
  });
  return { ca: authority.certificate, tls: { key: issued.privateKey, cert: issued.certificate } };
}

test('logger: a line for each, grave ones as warnings', async () => {
  const lines: unknown[] = [];
  const note = (level: string) => (event: string, fields?: object) => lines.push([level, event, fields]);
  const log: Log = { ...silentLog, info: note('info'), warn: note('warn') };
  await logger(log, new Set(['alert'])).send([alert(), alert({ severity: 4 }), heartbeat()], signal);
  expect(lines).toEqual([
    ['warn', 'alert', wireAlert],
    ['info', 'alert', { ...wireAlert, severity: 4 }],
    ['info', 'heartbeat', expect.objectContaining({ kind: 'heartbeat', instance_id: 'i-0' })],
  ]);
});

test('event_logger: what `bosh events` lists, in BOSH’s words', async () => {
  const store = await opened(openStore({ kind: 'sqlite', path: ':memory:' }, { clock: systemClock, log: silentLog }));
  await eventLogger(store.events).send([alert(), alert({ id: 'a-2', job: null, deployment: null })], signal);
  expect(await store.events.list({})).toMatchObject([
    { objectName: 'a-2', instance: null, deployment: null },
    {
      user: 'hm',
      action: 'create',
      objectType: 'alert',
      objectName: 'a-1',
      deployment: 'web',
      instance: 'web/i-0',
      atMs: 1_893_456_000_000,
      context: {
        message: 'agent-0 has timed out. Alert @ 2030-01-01 00:00:00 UTC, severity 2: agent-0 has timed out',
      },
    },
  ]);
});

describe('webhook', () => {
  const clock = new VirtualClock();
  const options = { name: 'webhook', director: 'gantry', wants: new Set(['alert'] as const), clock };

  test('posts events as JSON, signed over time and body', async () => {
    const server = await opened(givenHttpServer());
    await webhook({ ...options, url: `${server.url}/hook?x=1`, secret: 's3cret' }).send([alert()], signal);
    const [got] = server.received;
    expect(JSON.parse(got?.body ?? '')).toEqual({ director: 'gantry', events: [wireAlert] });
    expect(got).toMatchObject({ path: '/hook?x=1', headers: { 'content-type': 'application/json' } });
    const timestamp = String(clock.now() / 1000);
    expect(got?.headers['x-gantry-timestamp']).toBe(timestamp);
    expect(got?.headers['x-gantry-signature']).toBe(signatureOf(timestamp, got?.body ?? '', 's3cret'));
    expect(signatureOf('1', '{}', 'key')).toBe(
      'sha256=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224',
    );
  });

  test('without a secret nothing is signed', async () => {
    const server = await opened(givenHttpServer());
    await webhook({ ...options, url: server.url }).send([alert()], signal);
    expect(server.received[0]?.headers).not.toHaveProperty('x-gantry-signature');
  });

  test('a server of one’s own CA is trusted by its name only', async () => {
    const { ca, tls } = await serverCertificate();
    const server = await opened(givenHttpServer({ tls }));
    await webhook({ ...options, url: server.url, ca }).send([alert()], signal);
    expect(server.received).toHaveLength(1);
    await expect(webhook({ ...options, url: server.url }).send([alert()], signal)).rejects.toThrow(/certificate/);
  });

  test('any answer but a 2xx is a failure, also a redirect; it is told what the server said', async () => {
    const server = await opened(givenHttpServer());
    for (const status of [302, 404, 500]) {
      server.behaviour.status = status;
      await expect(webhook({ ...options, url: server.url }).send([alert()], signal)).rejects.toThrow(
        `the server answered ${status}: as you say`,
      );
    }
  });

  test('one that never answers is left when it is told so', async () => {
    const server = await opened(givenHttpServer());
    server.behaviour.status = null;
    const leaving = new AbortController();
    const sending = webhook({ ...options, url: server.url }).send([alert()], leaving.signal);
    await server.next();
    leaving.abort(new Error('enough'));
    await expect(sending).rejects.toThrow('enough');
  });
});

test('pagerduty: an incident for each alert', async () => {
  const server = await opened(givenHttpServer());
  await pagerduty({ name: 'pagerduty', url: server.url, serviceKey: 'key' }).send([alert()], signal);
  expect(JSON.parse(server.received[0]?.body ?? '')).toEqual({
    service_key: 'key',
    event_type: 'trigger',
    incident_key: 'a-1',
    description: 'Severity 2: web: web(0) agent-0 has timed out',
    details: wireAlert,
  });
});

test('data_dog: heartbeats as metrics in one request, alerts as events', async () => {
  const server = await opened(givenHttpServer());
  const notifier = datadog({
    name: 'data_dog',
    url: `${server.url}/`,
    wants: new Set(['alert', 'heartbeat']),
    apiKey: 'api',
    applicationKey: 'app',
    customTags: ['env:prod'],
    pagerdutyServiceName: 'oncall',
  });
  await notifier.send([heartbeat(), alert(), alert({ severity: 4 })], signal);
  const [series, grave, light] = server.received;
  expect(series).toMatchObject({
    path: '/api/v1/series',
    headers: { 'dd-api-key': 'api', 'dd-application-key': 'app' },
  });
  const tags = ['job:web', 'index:0', 'id:i-0', 'deployment:my web', 'agent:agent-0', 'team:ateam', 'env:prod'];
  expect(JSON.parse(series?.body ?? '')).toEqual({
    series: [
      ['system.load.1m', 0.5],
      ['system.mem.percent', 10],
      ['system.mem.kb', 2048],
      ['system.healthy', 1],
    ].map(([name, value]) => ({
      metric: `bosh.healthmonitor.${name}`,
      type: 'gauge',
      points: [[1_893_456_000, value]],
      tags,
    })),
  });
  expect(grave?.path).toBe('/api/v1/events');
  expect(JSON.parse(grave?.body ?? '')).toEqual({
    title: 'agent-0 has timed out',
    text: 'agent-0 has timed out @oncall',
    date_happened: 1_893_456_000,
    tags: ['source:web: web(0)', 'deployment:web', 'env:prod'],
    priority: 'normal',
    alert_type: 'error',
  });
  expect(JSON.parse(light?.body ?? '')).toMatchObject({
    text: 'agent-0 has timed out',
    priority: 'low',
    alert_type: 'warning',
  });
});

describe('lines over TCP', () => {
  async function lineServer({ reads = true } = {}) {
    const sockets: Socket[] = [];
    let text = '';
    let heard: () => void = () => {};
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      if (!reads) return void socket.pause();
      socket.on('data', (bytes: Buffer) => {
        text += bytes.toString();
        heard();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      port: (server.address() as AddressInfo).port,
      sockets,
      async lines(count: number): Promise<string[]> {
        while (text.split('\n').length <= count) await new Promise<void>((resolve) => (heard = resolve));
        return text.split('\n').slice(0, count);
      },
      close: () => {
        for (const socket of sockets) socket.destroy();
        return new Promise<void>((resolve) => server.close(() => resolve()));
      },
    };
  }

  test('graphite: a line for each metric, below the prefix', async () => {
    const server = await opened(lineServer());
    const notifier = graphite({ name: 'graphite', host: '127.0.0.1', port: server.port, prefix: 'prod' });
    closers.push(() => notifier.close?.());
    await notifier.send([heartbeat()], signal);
    const path = 'prod.my_web.web.i-0.agent-0';
    expect(await server.lines(4)).toEqual([
      `${path}.system_load_1m 0.5 1893456000`,
      `${path}.system_mem_percent 10 1893456000`,
      `${path}.system_mem_kb 2048 1893456000`,
      `${path}.system_healthy 1 1893456000`,
    ]);
  });

  test('tsdb: a put for each metric, its tags sorted, empty ones left out', async () => {
    const server = await opened(lineServer());
    const notifier = tsdb({ name: 'tsdb', host: '127.0.0.1', port: server.port });
    closers.push(() => notifier.close?.());
    await notifier.send([heartbeat({ vitals: {}, index: null, job_state: 'failing' })], signal);
    expect(await server.lines(1)).toEqual(['put system.healthy 1893456000 0 deployment=my_web id=i-0 job=web']);
  });

  test('a connection that broke is made anew for the next', async () => {
    const server = await opened(lineServer());
    const notifier = graphite({ name: 'graphite', host: '127.0.0.1', port: server.port });
    closers.push(() => notifier.close?.());
    const one = heartbeat({ vitals: {} });
    await notifier.send([one], signal);
    await server.lines(1);
    const gone = new Promise<void>((resolve) => server.sockets[0]?.once('close', () => resolve()));
    server.sockets[0]?.destroy();
    await gone;
    // The first attempt may still be taken by the system: a queue tries again what was told to have failed.
    for (let tries = 0; server.sockets.length < 2 && tries < 100; tries++) {
      await notifier.send([one], signal).catch(() => {});
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(server.sockets.length).toBeGreaterThan(1);
  });

  test('no server is a failure; one that does not read is left when told so', async () => {
    const nowhere = await lineServer();
    await nowhere.close();
    const lost = graphite({ name: 'graphite', host: '127.0.0.1', port: nowhere.port });
    await expect(lost.send([heartbeat()], signal)).rejects.toThrow('ECONNREFUSED');

    const server = await opened(lineServer({ reads: false }));
    const notifier = graphite({
      name: 'graphite',
      host: '127.0.0.1',
      port: server.port,
      prefix: 'x'.repeat(1_000_000),
    });
    closers.push(() => notifier.close?.());
    const leaving = new AbortController();
    const sending = notifier.send([heartbeat(), heartbeat(), heartbeat(), heartbeat()], leaving.signal);
    setImmediate(() => leaving.abort(new Error('enough')));
    await expect(sending).rejects.toThrow('enough');
  });
});

describe('json', () => {
  async function givenPrograms(programs: Record<string, string>) {
    const dir = await mkdtemp(join(tmpdir(), 'given-programs-'));
    closers.push(() => rm(dir, { recursive: true, force: true }));
    for (const [name, script] of Object.entries(programs)) {
      await writeFile(join(dir, name), `#!/bin/sh\n${script.replaceAll('DIR', dir)}\n`, { mode: 0o755 });
    }
    return dir;
  }
  const fileHas = async (path: string, text: string) => {
    for (let tries = 0; tries < 500; tries++) {
      if ((await readFile(path, 'utf8').catch(() => '')).includes(text)) return;
      await systemClock.sleep(10);
    }
    throw new Error(`${path} never had ${text}`);
  };

  test('each program that fits is given a line for each event; one that ends is started again', async () => {
    const dir = await givenPrograms({
      'hm-all': 'while read -r line; do echo "$line" >> DIR/all; done',
      'hm-once': 'read -r line; echo "$line" >> DIR/once; echo "that was all" >&2; exit 3',
      other: 'echo no >> DIR/other-ran; cat > /dev/null',
    });
    const told: unknown[] = [];
    const log: Log = { ...silentLog, warn: (event, fields) => told.push([event, fields]), with: () => log };
    const notifier = executables({
      name: 'json',
      wants: new Set(['alert']),
      pattern: `${dir}/hm-*`,
      clock: systemClock,
      log,
    });
    closers.push(() => notifier.close?.());
    await notifier.send([alert({ id: 'first' })], signal);
    await fileHas(join(dir, 'once'), 'first');
    for (let tries = 0; tries < 300 && told.length === 0; tries++) await systemClock.sleep(10);
    expect(told[0]).toEqual([
      'notifier-program-ended',
      expect.objectContaining({ path: join(dir, 'hm-once'), status: 3, lastWords: 'that was all\n' }),
    ]);
    await systemClock.sleep(1_200); // it comes back after a second
    await notifier.send([alert({ id: 'second' })], signal);
    await fileHas(join(dir, 'once'), 'second');
    await fileHas(join(dir, 'all'), 'second');
    expect(JSON.parse((await readFile(join(dir, 'all'), 'utf8')).split('\n')[0] ?? '')).toEqual({
      ...wireAlert,
      id: 'first',
    });
    await expect(readFile(join(dir, 'other-ran'))).rejects.toThrow('ENOENT');
  });

  test('one that does not read is passed over and keeps nobody waiting, and is ended with the director', async () => {
    const dir = await givenPrograms({ 'hm-deaf': 'trap "" TERM; sleep 60', 'hm-all': 'cat > DIR/all' });
    const told: string[] = [];
    const log: Log = { ...silentLog, warn: (event) => told.push(event), with: () => log };
    const notifier = executables({
      name: 'json',
      wants: new Set(['alert']),
      pattern: `${dir}/hm-*`,
      clock: systemClock,
      log,
    });
    const large = alert({ summary: 'x'.repeat(1_000_000) });
    const read = async () => (await stat(join(dir, 'all')).catch(() => ({ size: 0 }))).size;
    for (let n = 1; n <= 8; n++) {
      await notifier.send([large], signal);
      while ((await read()) < n * 1_000_000) await systemClock.sleep(5);
    }
    const before = await read();
    await notifier.send([alert({ id: 'last' })], signal);
    while ((await read()) === before) await systemClock.sleep(5);
    expect(told).toEqual(['notifier-program-does-not-read']);
    await notifier.close?.();
  });

  test('no folder, no programs, no failure', async () => {
    const pattern = '/no/such/*/folder/*';
    const notifier = executables({
      name: 'json',
      wants: new Set(['alert']),
      pattern,
      clock: systemClock,
      log: silentLog,
    });
    await notifier.send([alert()], signal);
    await notifier.close?.();
  });
});

describe('email', () => {
  const mailer = (port: number, smtp: Partial<EmailOptions['smtp']> = {}) =>
    email({
      name: 'email',
      director: 'gantry',
      recipients: ['ops@example.com', 'night@example.com'],
      everyMs: 10_000,
      smtp: { from: 'director@example.com', host: '127.0.0.1', port, tls: 'none', ...smtp },
    });
  const given = (options?: SmtpServerOptions) => opened(givenSmtpServer(options));

  test('alerts that were gathered come as one mail', async () => {
    const server = await given();
    await mailer(server.port).send([alert(), alert({ severity: 4, source: null })], signal);
    const [mail] = server.mails;
    expect(mail).toMatchObject({ from: 'director@example.com', to: ['ops@example.com', 'night@example.com'] });
    expect(mail?.content).toContain('Subject: 2 alerts from gantry');
    const text = mail?.content.split('\n\n').slice(1).join('\n\n');
    expect(text?.trim()).toBe(
      [
        'web: web(0)\nagent-0 has timed out\nSeverity: 2\nSummary: agent-0 has timed out\nTime: 2030-01-01 00:00:00 UTC\n',
        'agent-0 has timed out\nSeverity: 4\nSummary: agent-0 has timed out\nTime: 2030-01-01 00:00:00 UTC',
      ].join('\n'),
    );
  });

  test('with STARTTLS the password is only told to a server that proved its name', async () => {
    const { ca, tls } = await serverCertificate();
    const server = await given({ tls, users: { ops: 's3cret' } });
    const login = { tls: 'starttls', user: 'ops', password: 's3cret' } as const;
    await mailer(server.port, { ...login, ca }).send([alert()], signal);
    expect(server.mails).toMatchObject([{ secured: true, user: 'ops' }]);
    await expect(mailer(server.port, login).send([alert()], signal)).rejects.toThrow(/certificate/);
    await expect(mailer(server.port, { ...login, ca, password: 'no' }).send([alert()], signal)).rejects.toThrow('535');
    expect(server.mails).toHaveLength(1);
  });

  test('a server without TLS gets no mail when it was to have it', async () => {
    const server = await given();
    await expect(mailer(server.port, { tls: 'starttls' }).send([alert()], signal)).rejects.toThrow();
    expect(server.mails).toEqual([]);
  });

  test('TLS from the first byte', async () => {
    const { ca, tls } = await serverCertificate();
    const server = await given({ tls, implicit: true });
    await mailer(server.port, { tls: 'implicit', ca }).send([alert()], signal);
    expect(server.mails).toMatchObject([{ secured: true }]);
  });

  test('a server that refuses, and one that says nothing', async () => {
    const refusing = await given({ behaves: 'refusing' });
    await expect(mailer(refusing.port).send([alert()], signal)).rejects.toThrow('550');
    const silent = await given({ behaves: 'silent' });
    const leaving = new AbortController();
    const sending = mailer(silent.port).send([alert()], leaving.signal);
    setTimeout(() => leaving.abort(new Error('enough')), 50);
    await expect(sending).rejects.toThrow();
  });
});
