import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { id, type DiskCid, type VmCid } from '../../../../common/ids.ts';
import { systemClock } from '../../../../common/clock.ts';
import { silentLog, type Log } from '../../../../common/log.ts';
import type { Cpi } from '../../../../cpi/cpi.ts';
import { awaitRun, requestIdOf, startRun } from '../../../../cpi/executable/program.ts';
import { givenCpiProgram } from '../../../support/given-cpi-program.ts';
import { givenStemcell, vmSpec } from '../../../support/given-memory-cpi.ts';

/** Processes start slowly on a busy machine. */
const soon = { timeout: 15_000 };

let program: Awaited<ReturnType<typeof givenCpiProgram>>;
beforeEach(async () => {
  program = await givenCpiProgram();
});
afterEach(() => program.remove());

const vms = async () => Object.keys((await program.infrastructure()).vms);
const givenSpec = async (cpi: Cpi) => vmSpec(await givenStemcell(cpi));

test('the program is told who asks and for which stemcell; what it says reaches the log, secrets do not', async () => {
  const lines: string[] = [];
  const log: Log = { ...silentLog, debug: (event, fields) => lines.push(JSON.stringify({ event, ...fields })) };
  const outputs: string[] = [];
  const cpi = program
    .open({ log, properties: { password: 'hunter2' } })
    .within({ stemcellApiVersion: 3, onOutput: (text) => outputs.push(text) });
  const networks = { a: { type: 'manual', ip: '10.0.0.4', cloud_properties: { key: 'hunter2' } } } as const;
  const { vmCid } = await cpi.createVm({ ...(await givenSpec(cpi)), networks });

  expect((await program.infrastructure()).vms[vmCid]?.context).toEqual({
    director_uuid: 'director-1',
    request_id: expect.stringMatching(/^cpi-\d{6}$/),
    vm: { stemcell: { api_version: 3 } },
    password: 'hunter2',
  });
  expect(lines.join('\n')).not.toContain('hunter2');
  expect(lines.join('\n')).toContain('10.0.0.4');
  const said = outputs.join('');
  expect(said).toMatch(/\[cpi-(\d+)\] request: \{"method":"create_vm",.*\ncreate_vm begins: cpi-\1\n/);
  expect(said).toMatch(/\[cpi-\d+\] response: \{"result":\["vm-.*\ncreate_vm ends\n/);
  expect(said).not.toContain('hunter2');
  expect(said.match(/info begins/g)).toHaveLength(1); // asked once for all three calls
});

test('standard error is streamed while the program works', async () => {
  const outputs: string[] = [];
  const cpi = program.open().within({ onOutput: (text) => outputs.push(text) });
  await cpi.info();
  outputs.length = 0;
  await program.fault('has_vm', 'slow', '1000');
  const asked = cpi.hasVm(id<VmCid>('a'));
  await expect.poll(() => outputs.join(''), soon).toMatch(/request: .*\nhas_vm begins: cpi-\d+\n$/);
  await asked;
});

test('garbage leaves the outcome unknown: asking again makes no second VM until someone has looked', async () => {
  const cpi = program.open();
  const spec = await givenSpec(cpi);
  await program.fault('create_vm', 'garbage', 'Traceback (most recent call last)');
  const unknown = { code: 'cpi-outcome-unknown', details: { agentId: spec.agentId } };
  await expect(cpi.createVm(spec)).rejects.toMatchObject({ ...unknown, message: expect.stringContaining('Traceback') });
  await expect(program.open().createVm(spec)).rejects.toMatchObject(unknown);
  expect(await vms()).toHaveLength(1);
  await cpi.forgetVm(spec.agentId);
  await cpi.createVm(spec);
  expect(await vms()).toHaveLength(2);
});

test('an answer that an earlier attempt asked for is told with the id of its request, in each output', async () => {
  const attempt = async () => {
    const outputs: string[] = [];
    const cpi = program.open().within({ onOutput: (text) => outputs.push(text) });
    const message = await cpi.createVm(spec).then(
      () => 'it answered',
      (thrown: Error) => thrown.message,
    );
    const requestId = /CPI request ID: '(cpi-\d+)'/.exec(message)?.[1] ?? message;
    return { requestId, lines: outputs.filter((line) => line.includes(`[${requestId}]`)).join('') };
  };
  const spec = await givenSpec(program.open());
  await program.fault('create_vm', 'garbage', 'nonsense');
  const [first, second] = [await attempt(), await attempt()];
  expect(second.requestId).toBe(first.requestId);
  expect(first.lines).toMatch(/ request: \{"method":"create_vm"/);
  expect(second.lines).toMatch(/ create_vm was asked before; its answer:\n.* no response: .*nonsense/s);
});

test('a director killed while the program made a VM hears of it after all', async () => {
  const spec = await givenSpec(program.open());
  await program.fault('create_vm', 'slow', '1500');
  const director = await givenDirectorProcess(`void cpi.createVm(${JSON.stringify(spec)});`);
  await expect.poll(() => readdir(join(program.callsDirectory, `create_vm-${spec.agentId}`)), soon).toContain('pid');
  process.kill(-(director.pid ?? 0), 'SIGKILL'); // and all that would die with it
  await once(director, 'exit');
  expect(await vms()).toEqual([]); // it was killed before the VM was there

  const { vmCid } = await program.open().createVm(spec);
  expect(await vms()).toEqual([vmCid]);
  expect(await program.open().createVm(spec)).toEqual({ vmCid });
});

const runningDelete = expect.stringMatching(/^delete_disk-cpi-\d+\/pid$/);

test('a call about the same disk waits for what an earlier director had begun', async () => {
  const first = program.open();
  const disk = await first.createDisk(64, {}, null);
  await program.fault('delete_disk', 'slow', '700');
  const begun = first.deleteDisk(disk);
  await expect.poll(() => readdir(program.callsDirectory, { recursive: true }), soon).toContainEqual(runningDelete);
  await expect(program.open().deleteDisk(disk)).rejects.toMatchObject({ type: 'DiskNotFound' }); // after, not amid
  await begun;
});

test('a call whose task is lost, or cancelled, while it waits for its turn is not made', async () => {
  const outputs: string[] = [];
  let held = true;
  const beforeCall = () => (held ? Promise.resolve() : Promise.reject(new Error('another has the task')));
  const all = program.open({ atOnceMax: 1 });
  const [cpi, other] = [all.within({ beforeCall, onOutput: (text) => outputs.push(text) }), all.within({})];
  const disks = [await cpi.createDisk(64, {}, null), await cpi.createDisk(64, {}, null)] as const;
  const cancel = new AbortController();
  await program.fault('has_disk', 'slow', '700');
  const first = cpi.hasDisk(disks[0]);
  const waiting = [cpi.deleteDisk(disks[0]), other.deleteDisk(disks[1], cancel.signal)];
  const ends = Promise.allSettled(waiting);
  await expect.poll(() => outputs.join(''), soon).toContain('has_disk begins');
  held = false;
  cancel.abort(new Error('cancelled'));
  expect(await first).toBe(true); // it had begun
  expect(await ends).toMatchObject([
    { status: 'rejected', reason: { message: 'another has the task' } },
    { status: 'rejected', reason: { message: 'cancelled' } },
  ]);
  expect(Object.keys((await program.infrastructure()).disks)).toEqual(disks);
  expect(outputs.join('')).not.toContain('"method":"delete_disk"');
});

test('nor is one that waited for what an earlier director had begun', async () => {
  const first = program.open();
  const disk = await first.createDisk(64, {}, null);
  await program.fault('has_disk', 'slow', '700');
  const begun = first.hasDisk(disk);
  const running = expect.stringMatching(/^has_disk-cpi-\d+\/pid$/);
  await expect.poll(() => readdir(program.callsDirectory, { recursive: true }), soon).toContainEqual(running);
  let ended = false;
  const noLonger = begun.then(() => (ended = true));
  const beforeCall = () => (ended ? Promise.reject(new Error('another has the task')) : Promise.resolve());
  await expect(program.open().within({ beforeCall }).deleteDisk(disk)).rejects.toThrow('another has the task');
  await noLonger;
  expect(Object.keys((await program.infrastructure()).disks)).toEqual([disk]);
});

test('a VM that two ask for at once is made once, and the second is not refused for the first', async () => {
  const cpi = program.open();
  const spec = await givenSpec(cpi);
  const beforeCall = () => Promise.reject(new Error('another has the task'));
  const [lost, made, again] = await Promise.allSettled([
    cpi.within({ beforeCall }).createVm(spec),
    cpi.createVm(spec),
    cpi.createVm(spec),
  ]);
  expect(lost).toMatchObject({ status: 'rejected' });
  expect(made).toMatchObject({ status: 'fulfilled' });
  expect(again).toEqual(made);
  expect(await vms()).toHaveLength(1);
});

test('what was answered to an earlier director is forgotten only by who has the task', async () => {
  const spec = await givenSpec(program.open());
  const name = `create_vm-${spec.agentId}`;
  const error = { type: 'Bosh::Clouds::CloudError', message: 'full', ok_to_retry: false };
  const answer = { result: null, error, log: '' };
  await mkdir(join(program.callsDirectory, name));
  const files = { 'request-id': 'cpi-000001', started: '', 'answer.json': JSON.stringify(answer), exit: '' };
  for (const [file, text] of Object.entries(files)) await writeFile(join(program.callsDirectory, name, file), text);
  const beforeCall = () => Promise.reject(new Error('another has the task'));
  await expect(program.open().within({ beforeCall }).createVm(spec)).rejects.toThrow('another has the task');
  expect(await readdir(program.callsDirectory)).toContain(name);
  const { vmCid } = await program.open().createVm(spec);
  expect(await vms()).toEqual([vmCid]);
});

test('only of a call that has no request id written down is it unknown', async () => {
  const folder = join(program.directory, 'run');
  expect(await requestIdOf(folder)).toBe('unknown');
  await mkdir(join(folder, 'request-id'), { recursive: true }); // any other failure to read it
  await expect(requestIdOf(folder)).rejects.toMatchObject({ code: 'EISDIR' });
});

test('a call that an earlier director wrote down and never began is not begun behind the back of the next', async () => {
  const cpi = program.open();
  const disk = await cpi.createDisk(64, {}, null);
  const folder = join(program.callsDirectory, 'delete_disk-cpi-000001');
  await mkdir(folder);
  await writeFile(join(folder, 'request.json'), JSON.stringify({ method: 'delete_disk', arguments: [disk] }));
  expect(await program.open().hasDisk(disk)).toBe(true);
  expect(await readdir(program.callsDirectory)).not.toContain('delete_disk-cpi-000001');
});

test('a program that does not end in time is ended with all that it started', async () => {
  const cpi = program.open({ timeLimitsMs: { create_vm: 700 } });
  const spec = await givenSpec(cpi);
  await program.fault('create_vm', 'hang');
  await expect(cpi.createVm(spec)).rejects.toMatchObject({
    code: 'cpi-outcome-unknown',
    message: expect.stringContaining('did not come in 1 s, and the program was ended'),
    details: { agentId: spec.agentId },
  });
  const [pid] = (await readFile(join(program.callsDirectory, `create_vm-${spec.agentId}`, 'pid'), 'utf8')).split('\n');
  await expect.poll(() => groupIsGone(Number(pid)), soon).toBe(true);
});

test('an answer larger than any is not read', async () => {
  const cpi = program.open();
  await cpi.info();
  await program.fault('create_disk', 'garbage', ' '.repeat(17 * 1024 * 1024));
  await expect(cpi.createDisk(1, {}, null)).rejects.toThrow(/has 17825792 bytes, which is too many/);
});

test('a program that prints more than any answer has is ended, and what it printed is not kept', async () => {
  const printing = join(program.directory, 'printing');
  const info = JSON.stringify({ result: { stemcell_formats: [], api_version: 2 }, error: null, log: '' });
  const script = `grep -q create_disk || { echo '${info}'; exit; }\nhead -c 20000000 /dev/zero\nexec sleep 3600\n`;
  await writeFile(printing, `#!/bin/sh\n${script}`, { mode: 0o755 });
  const cpi = program.open({ program: printing });
  await expect(cpi.createDisk(1, {}, null, 'd1')).rejects.toThrow(/has \d{8} bytes, which is too many/); // as many as there are when it is stopped;
  const [folder = ''] = (await readdir(program.callsDirectory)).filter((name) => name.startsWith('create_disk-'));
  expect((await stat(join(program.callsDirectory, folder, 'answer.json'))).size).toBe(16 * 1024 * 1024 + 1);
});

test('a program that writes to its standard error for hours fills no disk, and the task has the beginning', async () => {
  const chatty = join(program.directory, 'chatty');
  const script = `head -c 300000 /dev/zero | tr '\\0' x >&2\nwhile [ -e '${chatty}' ]; do sleep 0.05; done\n`;
  await writeFile(chatty, `#!/bin/sh\n${script}`, { mode: 0o755 });
  const folder = join(program.directory, 'run');
  const said: string[] = [];
  await startRun(folder, chatty, { request: '{}', requestId: 'cpi-000001' });
  const limits = { timeMs: 60_000, answerBytesMax: 100, stderrBytesMax: 100_000 };
  const ended = awaitRun(folder, { limits, clock: systemClock, onStderr: (text) => said.push(text) });
  await expect.poll(() => said.join('').length, soon).toBeGreaterThan(100_000);
  await expect.poll(async () => (await stat(join(folder, 'stderr.log'))).size, soon).toBe(100_000);
  await rm(chatty);
  expect(await ended).toMatchObject({ state: 'ended' });
  expect(said.join('')).toMatch(/^x{100000,}\n\[standard error is longer than 100000 bytes\]\n$/);
});

test('what was made lately can be looked up; credentials do not stay; a deleted VM is made anew', async () => {
  const cpi = program.open();
  const spec = await givenSpec(cpi);
  const { vmCid } = await cpi.createVm(spec);
  const disk = await cpi.createDisk(64, {}, null);
  const made = await program.open().madeLately();
  expect(made.map(({ method }) => method).sort()).toEqual(['create_disk', 'create_stemcell', 'create_vm']);
  expect(made.find(({ method }) => method === 'create_disk')?.result).toBe(disk);
  expect(await readdir(join(program.callsDirectory, `create_vm-${spec.agentId}`))).not.toContain('request.json');

  await cpi.deleteVm(vmCid);
  await cpi.createVm(spec);
  expect(await vms()).not.toContain(vmCid);
});

test('a program of version 1 is refused, and one of version 9 is spoken to in ours', async () => {
  await program.set('info', '{"stemcell_formats": ["file"], "api_version": 1}');
  await expect(program.open().hasVm(id<VmCid>('v'))).rejects.toThrow(/speaks version 1/);
  await program.set('info', '{"stemcell_formats": ["file"], "api_version": 9}');
  expect(await program.open().hasVm(id<VmCid>('v'))).toBe(false);
});

test('a failure to answer info is not remembered', async () => {
  const cpi = program.open();
  await program.fault('info', 'garbage', 'not yet');
  await expect(cpi.hasDisk(id<DiskCid>('d'))).rejects.toThrow(/not yet/);
  expect(await cpi.hasDisk(id<DiskCid>('d'))).toBe(false);
});

test('a program that is not there, or can not be run, is an error that says what to do', async () => {
  const path = join(program.directory, 'not-executable');
  await writeFile(path, '');
  await chmod(path, 0o644);
  for (const missing of [path, join(program.directory, 'absent'), program.directory]) {
    await expect(program.open({ program: missing }).info()).rejects.toMatchObject({ code: 'cpi-not-executable' });
  }
});

test('the program sees nothing of the environment of the director', async () => {
  await writeFile(program.program, `#!/bin/sh\nenv >'${program.directory}/env'\n`);
  process.env['GANTRY_TEST_SECRET'] = 'hunter2';
  await program
    .open()
    .info()
    .catch(() => {}); // it answers nothing
  const names = (await readFile(join(program.directory, 'env'), 'utf8')).split('\n').map((line) => line.split('=')[0]);
  const ofTheShell = ['PWD', 'OLDPWD', 'SHLVL', '_', ''];
  expect(names.filter((name = '') => !['HOME', 'PATH', 'TMPDIR', ...ofTheShell].includes(name))).toEqual([]);
});

/** A process with a CPI like `program.open()` in it, that does this. */
async function givenDirectorProcess(body: string) {
  const outfile = join(program.directory, 'director.cjs');
  const from = (file: string) => JSON.stringify(join(import.meta.dirname, '../../../..', file));
  const contents = `
    import { systemChance as chance } from ${from('common/chance.ts')};
    import { systemClock as clock } from ${from('common/clock.ts')};
    import { ExecutableCpi } from ${from('cpi/executable.ts')};
    const [program, callsDirectory] = process.argv.slice(2);
    const cpi = ExecutableCpi.of({ program, callsDirectory, directorUuid: 'director-1', clock, chance });
    ${body}`;
  await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile,
    logLevel: 'error',
  });
  return spawn(process.execPath, [outfile, program.program, program.callsDirectory], {
    detached: true, // the leader of a group, to be killed with it
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

function groupIsGone(leader: number): boolean {
  try {
    process.kill(-leader, 0);
    return false;
  } catch {
    return true;
  }
}
