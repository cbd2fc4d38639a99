import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { betterSqlite3 } from '../../../../director/store/better-sqlite3.ts';
import { lockStateDirectory } from '../../../../director/store/state-lock.ts';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'state-'))));
afterEach(() => rmSync(dir, { recursive: true }));

const nowMs = Date.UTC(2030, 0, 1);

test('a second director on a state directory is refused and told who has it, until that one lets go', () => {
  const first = lockStateDirectory(dir, nowMs);
  expect(() => lockStateDirectory(dir, nowMs)).toThrow(
    expect.objectContaining({
      code: 'state-directory-in-use',
      message: expect.stringContaining(`process ${process.pid} on `),
      details: expect.objectContaining({ pid: process.pid, sinceMs: nowMs }),
    }),
  );
  first.release();
  lockStateDirectory(dir, nowMs).release();
});

test('the lock of another process dies with it, however it dies', async () => {
  // What lockStateDirectory does, in a process that is no test runner.
  const script = `
    const Sqlite = require(process.argv[2]);
    const db = new Sqlite(process.argv[1]);
    db.pragma('locking_mode = exclusive');
    db.exec('begin exclusive');
    console.log('locked');
    setInterval(() => {}, 1000);
  `;
  const other = spawn(process.execPath, ['-e', script, join(dir, 'gantry.lock'), betterSqlite3], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(other.stdout, 'data');
    expect(() => lockStateDirectory(dir, nowMs)).toThrow(/in use by another process/);
  } finally {
    other.kill('SIGKILL');
    await once(other, 'exit');
  }
  lockStateDirectory(dir, nowMs).release();
});
