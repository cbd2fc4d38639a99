import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../../common/clock.ts';
import { silentLog } from '../../../../common/log.ts';
import { loadRequest, renderRequest, specJson } from '../../../../director/templates/frames.ts';
import { ask } from '../../../../director/templates/lane.ts';
import { programFile } from '../../../../director/templates/program-file.ts';
import type { JobTemplates, TemplateRenderer } from '../../../../director/templates/renderer.ts';
import { findAssets } from '../../../../director/templates/sandbox/assets.ts';
import { RubyProcess } from '../../../../director/templates/sandbox/ruby-process.ts';
import { rubyMemoryMibMax, sandboxRenderer, seedTask } from '../../../../director/templates/sandbox/sandbox.ts';
import { rubyCacheDir } from '../../../support/ruby-cache.ts';

vi.setConfig({ testTimeout: 120_000 }); // starting Ruby anew takes seconds, and a busy machine many of them

let renderer: TemplateRenderer | undefined;
afterEach(() => renderer?.close());

function givenRenderer(idleMs = 60_000): TemplateRenderer {
  const limits = { lanesMax: 2, pendingMax: 10, idleMs, renderMsMax: 60_000, outputBytesMax: 1_000_000 };
  const deps = { clock: systemClock, log: silentLog };
  renderer = sandboxRenderer({ ...limits, memoryMibMax: rubyMemoryMibMax, cacheDir: rubyCacheDir }, deps);
  return renderer;
}

const job = (text: string): JobTemplates => ({
  name: 'web',
  monit: '',
  templates: [{ source: 't', destination: 't', text }],
});
const instance = (index = 0) => ({ spec: { name: 'web', index, properties: {}, links: {} } });

async function rendered(by: TemplateRenderer, text: string): Promise<string> {
  const [outcome] = await by.render(job(text), [instance()]);
  return outcome?.ok === true ? String(outcome.job.files[0]?.content) : JSON.stringify(outcome);
}

/** Ids of the processes of the sandbox that this test has started, or another process has. */
async function rubies(parent = process.pid): Promise<number[]> {
  const threads = await readdir(`/proc/${parent}/task`);
  const lists = threads.map((thread) => readFile(`/proc/${parent}/task/${thread}/children`, 'utf8').catch(() => ''));
  const ids = (await Promise.all(lists)).flatMap((list) => list.split(' ').filter((id) => id !== ''));
  const commands = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')));
  return ids.filter((_, at) => commands[at]?.includes('template-worker')).map(Number);
}

async function until(state: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await state())) await systemClock.sleep(10);
}

/** Gone, or dead with nobody who has asked for it yet. */
async function hasEnded(id: number): Promise<boolean> {
  const stat = await readFile(`/proc/${id}/stat`, 'utf8').catch(() => ') Z');
  return stat.split(') ')[1]?.startsWith('Z') === true;
}

test('its memory goes back to the system once no template has come for a while', async () => {
  const resting = givenRenderer(50);
  expect(await rendered(resting, 'x')).toBe('x');
  await until(async () => (await rubies()).length === 0);
  expect(await rendered(resting, 'y')).toBe('y');
});

test('when it is killed, what ran in it is rendered in another', async () => {
  const sturdy = givenRenderer();
  const many = Array.from({ length: 300 }, (_, index) => instance(index)); // on both lanes
  await sturdy.render(job('x'), many);
  const [first = 0] = await rubies();
  const outcomes = sturdy.render(job('<%= (1..20_000).sum %> <%= index %>'), many);
  process.kill(first, 'SIGKILL');
  expect((await outcomes).map((outcome) => outcome.ok && String(outcome.job.files[0]?.content))).toEqual(
    many.map((_, index) => `200010000 ${index}`),
  );
  await until(() => hasEnded(first));
  expect((await rubies()).filter((id) => id !== first)).toHaveLength(1); // for both lanes
});

test('who hears an answer knows which template it came from; what started it may end it at any time', async () => {
  const assets = await findAssets();
  const task = await seedTask(assets, { cacheDir: rubyCacheDir, memoryMibMax: rubyMemoryMibMax });
  const end = new AbortController();
  const ruby = await RubyProcess.start(fileURLToPath(assets.worker), task, end.signal);
  const lane = await ruby.startLane();
  const limits = { renderMsMax: 60_000, answerBytesMax: 1_000_000 };
  const known: number[] = [];
  const note = () => known.push(lane.progress().source);
  await lane.begin();
  await ask(lane, loadRequest(job('x'), { outputBytesMax: 1_000_000 }, undefined), limits, systemClock, () => {});
  await ask(lane, renderRequest(0, [specJson(instance().spec)]), limits, systemClock, note);
  expect(known).toEqual([1]);
  end.abort();
  await until(() => ruby.lost);
});

test('a director without a file left to open tells so, and lives', async () => {
  const sources = new URL('../../../../director/templates/sandbox/ruby-process.ts', import.meta.url);
  const { href } = await programFile('ruby-process', sources, import.meta.url);
  const program = `
    import { openSync } from 'node:fs';
    import { RubyProcess } from '${href}';
    try { for (;;) openSync('/dev/null'); } catch {}
    const told = await RubyProcess.start('x', {}, new AbortController().signal).catch((error) => error.message);
    console.log(told);`;
  const args = [process.execPath, '--input-type=module', '-e', program];
  const director = spawn('sh', ['-c', 'ulimit -n 64; exec "$0" "$@"', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true, // were it to kill its group, it must not be ours
  });
  const [[said], [code]] = await Promise.all([once(director.stdout, 'data'), once(director, 'exit')]);
  expect([code, String(said)]).toEqual([0, expect.stringMatching(/^spawn .* EMFILE\n$/)]);
}, 30_000);

test('it ends with its director, killed or not, whatever its templates do', async () => {
  const assets = await findAssets();
  const task = await seedTask(assets, { cacheDir: rubyCacheDir, memoryMibMax: rubyMemoryMibMax });
  const endless = { name: 'web', monit: '<% loop { } %>', templates: [] };
  const requests = [loadRequest(endless, { outputBytesMax: 1e6 }), renderRequest(0, [specJson(instance().spec)])].map(
    (request) => Buffer.from(request).toString(),
  );
  // Like a director, as far as Ruby can tell.
  const program = `
    const { fork } = require('node:child_process');
    const [program, task, requests] = process.argv.slice(1);
    const ruby = fork(program, { serialization: 'advanced', execArgv: [], detached: true });
    ruby.send({ seed: JSON.parse(task) });
    ruby.on('message', (message) => {
      if (message.seeded) ruby.send({ lane: 0, act: 'start' });
      if (message.ready) {
        ruby.send({ lane: 0, act: 'begin' });
        for (const request of JSON.parse(requests)) ruby.send({ lane: 0, request: Buffer.from(request) });
      }
      if (message.progress) console.log('renders');
    });`;
  const args = ['-e', program, fileURLToPath(assets.worker), JSON.stringify(task), JSON.stringify(requests)];
  const director = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  expect(String((await once(director.stdout, 'data'))[0])).toBe('renders\n');
  const [ruby = 0] = await rubies(director.pid);
  expect(ruby).toBeGreaterThan(0);
  director.kill('SIGKILL');
  await until(() => hasEnded(ruby));
});
