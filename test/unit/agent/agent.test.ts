import { access, lstat, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { subjects } from '../../../agent/protocol.ts';
import { daemonJob, givenMachine, type Files } from '../../support/agent/given-machine.ts';

type Machine = Awaited<ReturnType<typeof givenMachine>>;
const machines: Machine[] = [];
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.end();
});

async function given(options: Parameters<typeof givenMachine>[0] = {}): Promise<Machine> {
  const machine = await givenMachine(options);
  machines.push(machine);
  return machine;
}

const state = async ({ call }: Machine) => (await call('get_state')) as { job_state: string; processes: object[] };
/** Other work may take the processors: a state is waited for, not a moment. */
const patience = { timeout: 15_000, interval: 50 };
const becomes = (machine: Machine, jobState: string) =>
  vi.waitFor(async () => expect(await state(machine)).toMatchObject({ job_state: jobState }), patience);
const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable(),
    (thrown: Error) => thrown.message,
  );
const script = (body: string) => `#!/bin/bash\n${body}\n`;

test('an instance is applied, started, killed, restarted and stopped', async () => {
  const machine = await given();
  const { base, call, bus, paths } = machine;
  const spec = await machine.specOf(
    { web: daemonJob(base, 'web'), idle: { monit: '' } },
    { tool: { 'bin/tool': 'x' } },
  );
  expect(await call('prepare', spec)).toBe('prepared');
  expect(await readdir(paths.jobs)).toEqual([]);
  expect(await call('apply', spec)).toBe('applied');

  expect(await readFile(join(paths.packages, 'tool/bin/tool'), 'utf8')).toBe('x');
  expect(await readFile(join(base, 'jobs/web/packages/tool/bin/tool'), 'utf8')).toBe('x');
  expect((await stat(join(base, 'jobs/web/bin/ctl'))).mode & 0o777).toBe(0o750);
  expect((await stat(join(base, 'jobs/web/monit'))).mode & 0o777).toBe(0o640);
  expect(await readFile(join(base, 'instance/deployment'), 'utf8')).toBe('shop');

  expect(await call('start')).toBe('started');
  await becomes(machine, 'running');
  expect(await call('get_state', 'full')).toMatchObject({
    ...spec,
    agent_id: 'agent-1',
    processes: [{ name: 'web', state: 'running', mem: { kb: expect.any(Number) } }],
    vitals: { load: [expect.any(String), expect.any(String), expect.any(String)] },
  });

  const pid = Number(await readFile(join(base, 'sys/run/web/web.pid'), 'utf8'));
  process.kill(pid, 'SIGKILL');
  await becomes(machine, 'failing');
  await becomes(machine, 'running');
  expect(Number(await readFile(join(base, 'sys/run/web/web.pid'), 'utf8'))).not.toBe(pid);
  expect(bus.messages(subjects.alert('agent-1'))).toMatchObject([
    { title: 'web (10.0.0.4) - does not exist - restart' },
  ]);

  expect(await call('drain', 'shutdown', spec)).toBe(0);
  expect(bus.messages(subjects.shutdown('agent-1'))).toHaveLength(1);
  expect(await call('stop')).toBe('stopped');
  expect((await state(machine)).job_state).toBe('stopped');
  expect(bus.messages(subjects.heartbeat('agent-1'))[0]).toMatchObject({
    job_state: 'running',
    number_of_processes: 0,
  });
});

test('a new agent takes over what an earlier one started', async () => {
  const machine = await given();
  await machine.call('apply', await machine.specOf({ web: daemonJob(machine.base, 'web') }));
  await machine.call('start');
  await becomes(machine, 'running');
  const pid = await readFile(join(machine.base, 'sys/run/web/web.pid'), 'utf8');
  await machine.reboot();
  await becomes(machine, 'running');
  expect(await readFile(join(machine.base, 'sys/run/web/web.pid'), 'utf8')).toBe(pid);
  expect(await machine.call('get_state')).toMatchObject({ deployment: 'shop', job: { name: 'web' } });
});

test('a second spec replaces the first: what it lacks is gone, and the same one again changes nothing', async () => {
  const machine = await given();
  const { call, paths } = machine;
  await call('apply', await machine.specOf({ a: { monit: '' }, b: { monit: '' } }, { p: { f: '1' }, q: { f: '2' } }));
  const second = await machine.specOf({ b: { monit: '', x: 'new' } }, { q: { f: '3' } });
  await call('apply', second);
  expect(await readdir(paths.jobs)).toEqual(['b']);
  expect(await readdir(join(paths.data, 'jobs'))).toEqual(['b']);
  expect(await readdir(join(paths.data, 'packages'))).toEqual(['q']);
  expect(await readFile(join(paths.packages, 'q/f'), 'utf8')).toBe('3');
  const target = await readlink(join(paths.jobs, 'b'));
  const { mtimeMs } = await lstat(target);
  await call('apply', second);
  expect((await lstat(await readlink(join(paths.jobs, 'b')))).mtimeMs).toBe(mtimeMs);
  expect(await readdir(paths.temporary)).toEqual([]);
});

test('a damaged archive and one without a job are told, and nothing is half there', async () => {
  const machine = await given();
  const spec = await machine.specOf({ web: { monit: '' } });
  const sha1 = 'f'.repeat(40);
  await expect(
    machine.call('apply', { ...spec, rendered_templates_archive: { ...spec.rendered_templates_archive, sha1 } }),
  ).rejects.toThrow(/rendered templates: .*expected f{40}, but it is/);
  const templates = [{ name: 'other', version: '1' }];
  await expect(machine.call('apply', { ...spec, job: { name: 'web', templates } })).rejects.toThrow(
    'job other: the archive of rendered templates has no folder of that name',
  );
  expect(await readdir(machine.paths.temporary)).toEqual([]);
  expect((await state(machine)).processes).toEqual([]);
}, 30_000);

test('scripts run side by side with their environment; output is added to the logs; a missing one is skipped', async () => {
  const machine = await given();
  const { call, base } = machine;
  const body = script('echo "says $NAME at $PATH"; echo bad >&2; [ "$NAME" != fail ]');
  const jobs: Record<string, Files> = {
    a: { 'bin/pre-start': body },
    b: { 'bin/pre-start': script('seq 12 >&2; exit 3') },
    c: { x: '' },
  };
  await call('apply', await machine.specOf(jobs));
  await expect(call('run_script', 'pre-start', { env: { NAME: 'joe' } })).rejects.toThrow(
    '1 of 2 pre-start scripts failed. Failed Jobs: b. Successful Jobs: a.',
  );
  const failure = await failureOf(call('run_script', 'pre-start', { env: { NAME: 'fail' } }));
  expect(failure).toMatch(/^2 of 2 pre-start scripts failed\. /);
  expect(failure).toContain('pre-start of a ended with 1. The last lines of its stderr:\n  bad');
  const last = Array.from({ length: 10 }, (_, n) => `  ${n + 3}`).join('\n');
  expect(failure).toContain(`pre-start of b ended with 3. The last lines of its stderr:\n${last}`);
  expect(failure.match(/bad/g)).toHaveLength(1); // the run before wrote it, too
  const log = await readFile(join(base, 'sys/log/a/pre-start.stdout.log'), 'utf8');
  expect(log).toBe('says joe at /usr/sbin:/usr/bin:/sbin:/bin\nsays fail at /usr/sbin:/usr/bin:/sbin:/bin\n');
  expect(await call('run_script', 'post-deploy', {})).toEqual({});
});

test('a drain is told why, and asked again until it is done', async () => {
  const machine = await given();
  const { call, base } = machine;
  const drain = script(`echo "$@ $BOSH_JOB_STATE $BOSH_JOB_NEXT_STATE" >> ${base}/drain.txt
    [ "$1" = job_check_status ] && echo 0 || echo -1`);
  const spec = await machine.specOf({ web: { 'bin/drain': drain } });
  await call('apply', spec);
  const packages = { tool: { name: 'tool', version: '2', sha1: 'e'.repeat(40), blobstore_id: 'b' } };
  const next = { ...spec, configuration_hash: 'other', persistent_disk: 10, packages };
  expect(await call('drain', 'update', next)).toBe(0);
  expect(await readFile(join(base, 'drain.txt'), 'utf8')).toBe(
    'job_changed hash_changed tool {"persistent_disk":0} {"persistent_disk":10}\n' +
      'job_check_status hash_unchanged {"persistent_disk":0} \n',
  );
  await expect(call('drain', 'status')).rejects.toThrow('unexpected type "status"');
});

test('a cancelled drain ends its script and fails', async () => {
  const machine = await given();
  const { bus, call } = machine;
  await call('apply', await machine.specOf({ web: { 'bin/drain': script('sleep 1000') } }));
  const task = (await bus.ask('agent-1', 'drain', ['shutdown'])) as { value: { agent_task_id: string } };
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await call('cancel_task', task.value.agent_task_id)).toBe('canceled');
  await vi.waitFor(async () => {
    expect(await bus.ask('agent-1', 'get_task', [task.value.agent_task_id])).toMatchObject({
      exception: { message: expect.stringContaining('drain scripts failed') },
    });
  }, patience);
});

test('an errand gives its output and its exit code; a cancelled one too', async () => {
  const machine = await given();
  const { bus, call } = machine;
  const run = script('echo out; echo err >&2; exit 7');
  await call(
    'apply',
    await machine.specOf({ smoke: { 'bin/run': run }, slow: { 'bin/run': script('echo begun; sleep 1000') } }),
  );
  expect(await call('run_errand')).toEqual({ stdout: 'out\n', stderr: 'err\n', exit_code: 7 });
  await expect(call('run_errand', 'none')).rejects.toThrow('could not find errand none');
  const task = (await bus.ask('agent-1', 'run_errand', ['slow'])) as { value: { agent_task_id: string } };
  await new Promise((resolve) => setTimeout(resolve, 300));
  await call('cancel_task', task.value.agent_task_id);
  await vi.waitFor(async () => {
    expect(await bus.ask('agent-1', 'get_task', [task.value.agent_task_id])).toEqual({
      value: { stdout: 'begun\n', stderr: '', exit_code: 143 },
    });
  }, patience);
});

test('a package is compiled with its dependencies, and leaves nothing behind', async () => {
  const machine = await given();
  const { archive, call, paths, blobs, base } = machine;
  const zlib = await archive({ 'lib/z': 'zlib' });
  const packaging = `set -e
    test "$BOSH_PACKAGE_NAME/$BOSH_PACKAGE_VERSION" = nginx/1.1
    cp ${base}/packages/zlib/lib/z src.txt "$BOSH_INSTALL_TARGET/"
    echo "compiled" > $BOSH_INSTALL_TARGET/done`;
  const source = await archive({ packaging, 'src.txt': 'source' });
  const dependency = { name: 'zlib', version: '1.1', sha1: zlib.multidigest, blobstore_id: zlib.blobId };
  const { result } = (await call('compile_package', source.blobId, source.multidigest, 'nginx', '1.1', {
    zlib: dependency,
  })) as { result: { sha1: string; blobstore_id: string } };
  await access(await blobs.get(result.blobstore_id, result.sha1));
  expect(await readdir(paths.packages)).toEqual([]);
  expect(await readdir(paths.compile)).toEqual([]);
  expect(await readdir(paths.temporary)).toEqual([]);

  // What came out is a package that can be applied.
  const spec = await machine.specOf({ web: { monit: '' } });
  const nginx = { name: 'nginx', version: '1.1', sha1: result.sha1, blobstore_id: result.blobstore_id };
  await call('apply', { ...spec, packages: { nginx } });
  expect((await readdir(join(paths.packages, 'nginx'))).sort()).toEqual(['done', 'src.txt', 'z']);
});

test('a packaging script that fails: the end of its output is told, all of it is stored', async () => {
  const machine = await given();
  const { archive, bus, blobs } = machine;
  const source = await archive({
    packaging: 'for i in $(seq 5000); do echo "line $i"; done\necho no such header >&2\nexit 4',
  });
  const args = [source.blobId, source.multidigest, 'nginx', '1', {}];
  const task = (await bus.ask('agent-1', 'compile_package', args)) as { value: { agent_task_id: string } };
  const answer = await vi.waitFor(async () => {
    const asked = await bus.ask('agent-1', 'get_task', [task.value.agent_task_id]);
    if (asked === undefined || !('exception' in asked)) throw new Error('it still runs');
    return asked.exception;
  }, patience);
  expect(answer.message).toMatch(/packaging of nginx\/1 ended with 4\.[^]*no such header/);
  expect(answer.message.length).toBeLessThan(10_000);
  expect(answer.blobstore_id).toBeDefined();
  void blobs;
});

test('a packaging script that fails and said little: the message has all of it, and nothing is stored', async () => {
  const { archive, call, bus } = await given();
  const source = await archive({ packaging: 'echo no such header >&2\nexit 4' });
  const args = [source.blobId, source.multidigest, 'nginx', '1', {}] as const;
  expect(await failureOf(call('compile_package', ...args))).toContain('no such header');
  const task = (await bus.ask('agent-1', 'compile_package', [...args])) as { value: { agent_task_id: string } };
  await vi.waitFor(async () => {
    const answer = await bus.ask('agent-1', 'get_task', [task.value.agent_task_id]);
    if (answer === undefined || !('exception' in answer)) throw new Error('it still runs');
    expect(answer.exception).not.toHaveProperty('blobstore_id');
  }, patience);
});

test('a cancelled compilation ends all that it started', async () => {
  const machine = await given();
  const { archive, bus, base, call } = machine;
  const source = await archive({ packaging: `(sleep 1000 & echo $! > ${base}/child; wait) & wait` });
  const args = [source.blobId, source.multidigest, 'nginx', '1', {}];
  const task = (await bus.ask('agent-1', 'compile_package', args)) as { value: { agent_task_id: string } };
  const child = await vi.waitFor(
    async () => Number(await readFile(join(base, 'child'), 'utf8')) || Promise.reject(new Error()),
    patience,
  );
  await call('cancel_task', task.value.agent_task_id);
  await vi.waitFor(() => expect(() => process.kill(child, 0)).toThrow(), patience);
});

test('logs are fetched by type and filter', async () => {
  const machine = await given();
  const { call, base, paths, blobs } = machine;
  await call('apply', await machine.specOf({ web: { 'bin/pre-start': script('echo hi') } }));
  await call('run_script', 'pre-start', {});
  await writeFile(join(base, 'sys/log/web/other.txt'), 'x');
  const list = async (type: string, filters: string[]) => {
    const { blobstore_id, sha1 } = (await call('fetch_logs', type, filters)) as { blobstore_id: string; sha1: string };
    const { execFileSync } = await import('node:child_process');
    return execFileSync('tar', ['-tzf', await blobs.get(blobstore_id, sha1)])
      .toString()
      .trim()
      .split('\n')
      .sort();
  };
  expect(await list('job', ['**/*.log'])).toEqual(['./web/pre-start.stderr.log', './web/pre-start.stdout.log']);
  expect(await list('job', [])).toContain('./web/other.txt');
  await writeFile(join(paths.agentLog, 'current'), 'x');
  expect(await list('agent,job', ['**/current', 'web/*.txt'])).toEqual(['./current', './web/other.txt']);
  await expect(call('fetch_logs', 'kernel', [])).rejects.toThrow('no log type "kernel"');
});

test('settings change as it runs: a certificate is taken over, and kept over a reboot', async () => {
  const machine = await given();
  const cert = { ca: 'CA', certificate: 'CERT', private_key: 'KEY' };
  expect(await machine.call('update_settings', { trusted_certs: '', disk_associations: [], mbus: { cert } })).toBe(
    'ok',
  );
  expect(await machine.call('update_settings', { mbus: { cert } })).toBe('ok');
  expect(machine.swapped).toEqual([cert]); // the same one again is no news
  await machine.reboot();
  await machine.call('update_settings', { mbus: { cert } });
  expect(machine.swapped).toHaveLength(1);
  expect((await stat(machine.paths.updatedSettings)).mode & 0o777).toBe(0o600);
});

test('DNS records are taken over when they are newer', async () => {
  const machine = await given();
  const sync = async (version: number, said = version) => {
    const file = join(machine.root, 'records');
    await writeFile(file, JSON.stringify({ version: said, records: [['10.0.0.4', 'web']] }));
    const { blobId, multidigest } = await machine.blobs.put(file);
    return machine.call('sync_dns', blobId, multidigest, version);
  };
  expect(await sync(2)).toBe('synced');
  expect(await sync(1)).toBe('synced');
  expect(JSON.parse(await readFile(machine.paths.dnsRecords, 'utf8'))).toMatchObject({ version: 2 });
  await expect(sync(5, 4)).rejects.toThrow('DNS records say version 4, the director said 5');
});

test('a blob that comes over the bus is found before the blobstore is asked', async () => {
  const machine = await given();
  const spec = await machine.specOf({ web: { monit: '' } });
  const { blobstore_id: stored = '', sha1 = '' } = spec.rendered_templates_archive ?? {};
  const payload = (await readFile(await machine.blobs.get(stored, sha1))).toString('base64');
  const upload = { blob_id: 'over-the-bus', checksum: sha1, payload };
  expect(await machine.call('upload_blob', upload)).toBe('over-the-bus');
  await machine.call('apply', { ...spec, rendered_templates_archive: { blobstore_id: 'over-the-bus', sha1 } });
  await expect(machine.call('upload_blob', { ...upload, payload: 'AAAA' })).rejects.toThrow('expected sha256:');
});

test('a process machine has no accounts to give', async () => {
  const machine = await given();
  await expect(machine.call('ssh', 'setup', { user: 'bosh_x', public_key: 'k' })).rejects.toThrow(
    'no accounts of its own',
  );
  await expect(machine.call('mount_disk', 'disk-1')).rejects.toThrow('disk "disk-1" is unknown to this machine');
  expect(await machine.call('list_disk')).toEqual([]);
});
