import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packReleaseDir } from '../../../releases/directory/pack-release-dir.ts';
import { extractArchive } from '../../../common/archive-extract.ts';
import { createReadStream } from 'node:fs';

/** The sample release, compiled and run as an agent would do it, in a directory of its own. */
const run = promisify(execFile);
const sources = join(import.meta.dirname, '..', '..', '..', 'releases', 'shipped', 'greeter');
let dir: string;
let greeter: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'greeter-'));
  const workDir = join(dir, 'archives');
  await mkdir(workDir);
  const { manifest, files } = await packReleaseDir({ dir: sources, workDir, version: '1' });
  for (const { name } of manifest.packages) {
    const source = join(dir, 'compile', name);
    const target = join(dir, 'packages', name);
    await mkdir(source, { recursive: true });
    await mkdir(target, { recursive: true });
    await extractArchive(createReadStream(files.get(`packages/${name}`) ?? ''), source, { what: name, trusted: true });
    const env = {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      NODE: process.execPath,
      BOSH_INSTALL_TARGET: target,
      BOSH_COMPILE_TARGET: source,
    };
    await run('sh', ['packaging'], { cwd: source, env });
  }
  greeter = join(dir, 'packages', 'greeter-server', 'bin', 'greeter');
});

afterAll(async () => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await rm(dir, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function start(index: number, store: string | null = null) {
  const port = await freePort();
  const config = join(dir, `greeter-${port}.json`);
  const instance = {
    deployment: 'd',
    name: 'greeter',
    index,
    id: `id-${index}`,
    az: 'z1',
    address: '127.0.0.1',
    bootstrap: index === 0,
  };
  await writeFile(
    config,
    JSON.stringify({ greeting: 'Hello', host: '127.0.0.1', port, store, instance, peers: [{ id: 'id-9' }] }),
  );
  const child = spawn(greeter, ['serve', config], { stdio: 'ignore' });
  children.push(child);
  const url = `http://127.0.0.1:${port}/`;
  await run(greeter, ['ask', `${url}health`, '10']);
  return { child, url, instance };
}

test('it answers with who it is, and counts on its disk from where it was', async () => {
  const store = join(dir, 'store');
  const first = await start(0, store);
  expect(await (await fetch(first.url)).json()).toMatchObject({
    greeting: 'Hello',
    id: 'id-0',
    az: 'z1',
    version: '1.0.0',
    count: 1,
    peers: [{ id: 'id-9' }],
  });
  await Promise.all(Array.from({ length: 20 }, () => fetch(first.url).then((answer) => answer.json())));
  expect((await readFile(join(store, 'count'), 'utf8')).trim()).toBe('21');
  first.child.kill('SIGTERM');
  expect(await once(first.child, 'exit')).toEqual([0, null]);

  const again = await start(0, store);
  expect(await (await fetch(again.url)).json()).toMatchObject({ count: 22 });
});

test('while it drains it says so, and still answers', async () => {
  const { child, url } = await start(1);
  child.kill('SIGUSR2');
  await expect.poll(async () => (await fetch(`${url}health`)).status).toBe(503);
  expect((await fetch(url)).status).toBe(200);
  expect((await fetch(`${url}nothing`)).status).toBe(404);
});

test('the smoke test passes when all are there, and names the one that is missing', async () => {
  const here = await start(2);
  const config = join(dir, 'smoke.json');
  const smoke = async (instances: object[]) => {
    await writeFile(config, JSON.stringify({ instances, timeout_seconds: 0.5 }));
    return run(greeter, ['smoke-test', config]).then(
      ({ stdout }) => ({ code: 0, stdout }),
      (failed: { code: number; stdout: string }) => failed,
    );
  };
  expect(await smoke([{ name: 'greeter', id: 'id-2', url: here.url }])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('1 of 1 answered') as string,
  });
  const gone = { name: 'greeter', id: 'id-8', url: `http://127.0.0.1:${await freePort()}/` };
  expect(await smoke([{ name: 'greeter', id: 'id-2', url: here.url }, gone])).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('MISSING greeter/id-8') as string,
  });
  expect(await smoke([{ name: 'greeter', id: 'id-7', url: here.url }])).toMatchObject({ code: 1 });
});

test('without Node a package says what it wants', async () => {
  const source = join(dir, 'no-node');
  await cp(join(dir, 'compile', 'greeter-lib'), source, { recursive: true });
  const tools = join(dir, 'tools'); // a PATH with all that the script needs but node
  await mkdir(tools);
  const script = (await readFile(join(source, 'packaging'), 'utf8')).replaceAll(
    /\/(?:usr|opt)\S*\/node/g,
    '/nowhere/node',
  );
  await writeFile(join(source, 'packaging'), script);
  const failing = run('/bin/sh', ['packaging'], {
    cwd: source,
    env: { PATH: tools, BOSH_INSTALL_TARGET: join(dir, 'x') },
  });
  await expect(failing).rejects.toMatchObject({ stderr: expect.stringContaining('needs Node') as string });
  expect(await readdir(dir)).not.toContain('x');
});
