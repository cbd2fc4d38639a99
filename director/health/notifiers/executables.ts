import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../../../common/clock.ts';
import type { Log } from '../../../common/log.ts';
import { toWire, type EventKind } from '../events.ts';
import type { Notifier } from './notifier.ts';

export interface ExecutablesOptions {
  name: string;
  wants: ReadonlySet<EventKind>;
  /** Of their paths; a star stands for any part of a name. */
  pattern: string;
  clock: Clock;
  log: Log;
}

type Child = ChildProcessByStdio<Writable, null, Readable>;

interface Program {
  child: Child;
  /** It does not read: events are passed over until it does. */
  skipped: number;
}

/** How often it is looked for new programs. */
const lookEveryMs = 60_000;
/** A program that ended is started again after this; one that ends at once again, less and less often. */
const restartMs = 1_000;
const restartMsMax = 60_000;
/** A program that ran for so long is not one that ends at once. */
const settledMs = 60_000;
/** What may wait for a program that does not read. */
const waitingBytesMax = 4 * 1024 * 1024;
/** A program that ended may have left others that keep its standard error open. */
const lastWordsMs = 200;
/** Of what it said on standard error before it ended. */
const lastWordsMax = 2_048;

/** BOSH's `json` plugin: programs that are kept running, and are given each event as a line of JSON. */
export function executables({ name, wants, pattern, clock, log }: ExecutablesOptions): Notifier {
  const programs = new Map<string, Program>();
  const restarts = new Map<string, number>();
  let lookAtMs = 0;
  let closed = false;

  async function look(): Promise<void> {
    if (clock.now() < lookAtMs) return;
    lookAtMs = clock.now() + lookEveryMs;
    for (const path of await expand(pattern)) if (!programs.has(path) && !closed) start(path);
  }

  function start(path: string): void {
    // A group of its own: what it has started ends with it.
    const child = spawn(path, [], { stdio: ['pipe', 'ignore', 'pipe'], detached: true });
    programs.set(path, { child, skipped: 0 });
    const startedMs = clock.now();
    let lastWords = '';
    child.stderr
      .setEncoding('utf8')
      .on('data', (text: string) => (lastWords = (lastWords + text).slice(-lastWordsMax)));
    child.stdin.on('error', () => {}); // its end tells
    child.once('error', (error) => ended(path, startedMs, { error: error.message }));
    child.once('exit', (status, signal) => {
      killGroup(child.pid, 'SIGKILL');
      const tell = () => ended(path, startedMs, { status, signal, lastWords });
      child.once('close', tell);
      clock.after(lastWordsMs, tell);
    });
    log.info('notifier-program-started', { path });
  }

  function ended(path: string, startedMs: number, how: object): void {
    if (closed || !programs.delete(path)) return;
    const times = clock.now() - startedMs > settledMs ? 0 : (restarts.get(path) ?? 0);
    restarts.set(path, times + 1);
    log.warn('notifier-program-ended', { path, ...how });
    clock.after(Math.min(restartMs * 2 ** times, restartMsMax), () => {
      if (!closed && !programs.has(path)) start(path);
    });
  }

  function write(path: string, program: Program, text: string, events: number): void {
    const { stdin } = program.child;
    if (stdin.writableLength > waitingBytesMax) {
      if (program.skipped === 0) log.warn('notifier-program-does-not-read', { path });
      program.skipped += events;
      return;
    }
    if (program.skipped > 0) log.warn('notifier-program-reads-again', { path, skipped: program.skipped });
    program.skipped = 0;
    stdin.write(text);
  }

  return {
    name,
    wants,
    batchMax: 100,
    gatherMs: 0,
    send: async (events) => {
      await look();
      const text = events.map((event) => `${JSON.stringify(toWire(event))}\n`).join('');
      for (const [path, program] of programs) write(path, program, text, events.length);
    },
    close: async () => {
      closed = true;
      await Promise.all([...programs.values()].map(({ child }) => end(child)));
    },
  };

  async function end(child: Child): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.stdin.destroy();
    killGroup(child.pid, 'SIGTERM');
    const timer = clock.after(restartMs, () => killGroup(child.pid, 'SIGKILL'));
    await gone;
    timer.cancel();
    killGroup(child.pid, 'SIGKILL'); // of what it has started, too
    child.stderr.destroy();
  }
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // all of it has ended
  }
}

/** Files whose path fits, sorted. A folder that is not there has none. */
async function expand(pattern: string): Promise<string[]> {
  const [first = '', ...names] = pattern.split('/');
  let found = [first === '' ? '/' : first];
  for (const name of names) {
    if (!name.includes('*')) found = found.map((path) => join(path, name));
    else {
      const fits = new RegExp(`^(?!\\.)${name.split('*').map(escaped).join('.*')}$`);
      const listed = found.map(async (path) => {
        const inside = await readdir(path).catch(() => []);
        return inside.filter((each) => fits.test(each)).map((each) => join(path, each));
      });
      found = (await Promise.all(listed)).flat();
    }
  }
  return found.sort();
}

const escaped = (text: string) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
