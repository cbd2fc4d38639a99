import { type ExecFileOptions, execFile } from 'node:child_process';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface GivenPostgres {
  host: string;
  port: number;
  database: string;
  user: string;
  /** As a crash of the server: connections break, committed data stays. */
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** A PostgreSQL of its own in a temporary directory, by Debian's `postgresql` (or whatever `initdb` is on the PATH). */
export async function givenPostgres(): Promise<GivenPostgres> {
  const bin = await binaries();
  const dir = await mkdtemp(join(tmpdir(), 'postgres-'));
  const as = await unprivileged();
  if (as !== undefined) await chown(dir, as.uid, as.gid);
  const options: ExecFileOptions = { cwd: dir, timeout: 60_000, ...as };
  const database = join(dir, 'db');
  const port = await freePort();
  const ctl = (...args: string[]) => run(join(bin, 'pg_ctl'), ['-D', database, '-w', ...args], options);

  await run(join(bin, 'initdb'), ['-D', database, '-U', 'gantry', '-A', 'trust', '-E', 'UTF8', '--no-sync'], options);
  // fsync stays on: the figures of the benchmark are those of a real server
  const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${dir}`;
  const start = async () => void (await ctl('-l', join(dir, 'log'), '-o', settings, 'start'));
  await start();
  return {
    host: '127.0.0.1',
    port,
    database: 'postgres',
    user: 'gantry',
    start,
    kill: async () => void (await ctl('-m', 'immediate', 'stop')),
    close: async () => {
      await ctl('-m', 'immediate', 'stop').catch(() => {}); // a story may have stopped it
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function binaries(): Promise<string> {
  const debian = '/usr/lib/postgresql';
  const versions = await readdir(debian).catch(() => []);
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  return newest === undefined ? '' : join(debian, newest, 'bin');
}

/** PostgreSQL refuses to run as root. */
async function unprivileged(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout);
  return { uid: await idOf('-u'), gid: await idOf('-g') };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
