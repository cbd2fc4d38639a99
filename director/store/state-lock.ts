import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Sqlite } from './better-sqlite3.ts';
import { OperatorError } from '../../common/errors.ts';

/** That this process, and no other, uses a state directory. */
export interface StateLock {
  release(): void;
}

interface Holder {
  pid: number;
  host: string;
  sinceMs: number;
}

/**
 * Takes the state directory for this process. The lock is SQLite's own lock on a small database: the kernel frees it
 * when the process dies, however it dies, so there is never a stale one to remove by hand. (Node has no flock.)
 *
 * The file that says who holds it is only for the message: a POSIX lock goes when its file is opened and closed by
 * anyone else in the process, so nothing but SQLite may touch gantry.lock.
 *
 * @throws OperatorError `state-directory-in-use`
 */
export function lockStateDirectory(dir: string, nowMs: number): StateLock {
  const holderPath = join(dir, 'gantry.holder.json');
  const db = new Sqlite(join(dir, 'gantry.lock'), { timeout: 0 });
  try {
    db.pragma('locking_mode = exclusive');
    db.exec('begin exclusive');
  } catch (thrown) {
    db.close();
    if (thrown instanceof Sqlite.SqliteError && thrown.code.startsWith('SQLITE_BUSY')) throw inUse(dir, holderPath);
    throw thrown;
  }
  const holder: Holder = { pid: process.pid, host: hostname(), sinceMs: nowMs };
  writeFileSync(holderPath, JSON.stringify(holder));
  return { release: () => db.close() };
}

function inUse(dir: string, holderPath: string): OperatorError {
  const holder = readHolder(holderPath);
  const who = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`;
  const since = holder === undefined ? '' : ` since ${new Date(holder.sinceMs).toISOString()}`;
  return new OperatorError(`the state directory ${dir} is in use by ${who}${since}`, {
    code: 'state-directory-in-use',
    hint: 'One director at a time works with a state directory. Stop that one, or start this one with another directory.',
    details: { dir, ...holder },
  });
}

/** Undefined: it has the lock, and hasn't come to write the file. */
function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder; // written above
  } catch {
    return undefined;
  }
}
