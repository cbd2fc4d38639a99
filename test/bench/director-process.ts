import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DirectorClient } from '../../cli/director-client.ts';
import { systemClock } from '../../common/clock.ts';
import { processTree, type ProcessTree } from './process-tree.ts';

/** A director in a process of its own, as operators start it, on simulated machines that answer at once. */
export interface MeasuredDirector {
  client: DirectorClient;
  /** Start of the process to the first answer of /info. */
  startMs: number;
  /** What the kernel says of its process, and of those that it has started. */
  measure(): Promise<ProcessTree>;
  /** The most that its main thread has computed between two turns of its event loop since this was asked last. */
  longestTurnMs(): Promise<number>;
  /** Stops it; its state stays for the next start. */
  stop(): Promise<void>;
}

export interface Home {
  start(): Promise<MeasuredDirector>;
  remove(): Promise<void>;
}

const startMsMax = 60_000;

/** @param program the bundled `gantry` */
export async function givenHome(program: string, port: number): Promise<Home> {
  const home = await mkdtemp(join(tmpdir(), 'bench-director-'));
  const config = join(home, 'director.yml');
  await writeFile(
    config,
    [
      `state_directory: ${join(home, 'state')}`,
      `listen: {port: ${port}, hostnames: [127.0.0.1]}`,
      'bus: {kind: embedded, port: 0}',
      'cpi: {kind: memory, machines: simulated}',
      `log: {file: ${join(home, 'director.log')}}`,
      '',
    ].join('\n'),
  );
  return {
    start: () => start(program, config, home, port),
    remove: () => rm(home, { recursive: true, force: true }),
  };
}

async function start(program: string, config: string, home: string, port: number): Promise<MeasuredDirector> {
  const startedMs = performance.now();
  const monitor = resolve('test/bench/turn-monitor.mjs');
  const child = spawn(process.execPath, ['--import', monitor, program, 'director', '--config', config], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('the director did not start');
  await answering(port, child, startedMs);
  const startMs = performance.now() - startedMs;
  const secret = (await readFile(join(home, 'state', 'admin-password'), 'utf8')).trim();
  const client = new DirectorClient({
    environment: `https://127.0.0.1:${port}`,
    caCert: await readFile(join(home, 'state', 'ca.pem'), 'utf8'),
    authorization: () => Promise.resolve(`Basic ${Buffer.from(`admin:${secret}`).toString('base64')}`),
    clock: systemClock,
  });
  return {
    client,
    startMs,
    measure: () => processTree(pid),
    longestTurnMs: () => longestTurnMs(child),
    stop: async () => {
      client.close();
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function longestTurnMs(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('message', (ms) => resolve(Number(ms)));
    child.send('longest turn', (error) => {
      if (error !== null) reject(error);
    });
  });
}

async function answering(port: number, child: ChildProcess, startedMs: number): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the director ended with ${child.exitCode}`);
    if (await answers(port)) return;
    if (performance.now() - startedMs > startMsMax) throw new Error(`no answer after ${startMsMax} ms`);
    await systemClock.sleep(5);
  }
}

/** Without its CA, which is not there yet: whether it speaks is all that is asked. */
async function answers(port: number): Promise<boolean> {
  const { request } = await import('node:https');
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path: '/info', rejectUnauthorized: false }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode === 200));
    });
    asked.once('error', () => resolve(false));
    asked.end();
  });
}
