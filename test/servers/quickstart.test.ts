import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { buildPrograms } from '../support/given-director-process.ts';

vi.setConfig({ testTimeout: 180_000 });

let programs: Awaited<ReturnType<typeof buildPrograms>>;
let home: string;
beforeAll(async () => {
  programs = await buildPrograms();
  home = await mkdtemp(join(homedir(), '.gantry-test-')); // machines have a /tmp of their own
});
afterAll(async () => {
  await programs.remove();
  await rm(home, { recursive: true, force: true });
});
afterEach(async () => expect(await machines()).toEqual([]));

/** A quickstart without a terminal. @param at what it has printed when the signal comes */
async function quickstart({ signal, at }: { signal?: NodeJS.Signals; at?: string } = {}) {
  const child = spawn(process.execPath, [programs.gantry, 'quickstart', '--once'], {
    env: { ...process.env, GANTRY_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      const before = printed;
      printed += bytes.toString();
      if (at !== undefined && signal !== undefined && !before.includes(at) && printed.includes(at)) child.kill(signal);
    });
  }
  const [code] = (await once(child, 'exit')) as [number | null]; // as the signature of this event has it
  return { code, printed };
}

/** Processes of machines, by the program that they were started with. */
async function machines(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return commands.filter((command) => command.includes(join(programs.directory, 'agent.js')));
}

test.each(['A director is up', 'upload-stemcell', 'Preparing deployment', 'Updating instance'])(
  'a quickstart that is ended at "%s" takes down what there is of it, and begins nothing more',
  async (at) => {
    const { code, printed } = await quickstart({ signal: 'SIGTERM', at });
    expect(printed).toContain('the quickstart was stopped before it had shown everything');
    expect(printed.split('Taking everything down')[1]).not.toMatch(
      /gantry (upload|-n update|-d greeter (plan|instances)|-n -d greeter deploy)/,
    );
    expect(printed).not.toContain('ECONNREFUSED');
    expect([code, await readdir(home)]).toEqual([1, []]);
  },
);

test('what is not of a quickstart stays where it is', async () => {
  const mine = join(home, 'quickstart-notes');
  await mkdir(mine);
  await writeFile(join(mine, 'mine'), '');
  await quickstart({ signal: 'SIGTERM', at: 'A director is up' });
  expect(await readdir(mine)).toEqual(['mine']);
  await rm(mine, { recursive: true });
});

test('what a quickstart has left that was killed is taken down by the next one, which then has its addresses', async () => {
  const killed = await quickstart({ signal: 'SIGKILL', at: 'Updating instance' });
  expect([killed.code, await readdir(home)]).toEqual([null, [expect.stringMatching(/^quickstart-/)]]);
  expect(await machines()).not.toEqual([]);

  const { code, printed } = await quickstart();
  expect(printed).toMatch(
    /Taking down what a quickstart has left[^]*"greeting":"Hello from Gantry"[^]*All of it is gone again/,
  );
  expect([code, await readdir(home)]).toEqual([0, []]);
});

test('a second quickstart is refused while one runs, and harms nothing of it', async () => {
  const first = quickstart({ signal: 'SIGTERM', at: '{"greeting"' });
  await vi.waitFor(async () => expect(await readdir(home)).toHaveLength(1), { timeout: 20_000 });
  await vi.waitFor(async () => expect(await machines()).not.toEqual([]), { timeout: 60_000 });
  const { code, printed } = await quickstart();
  expect(printed).toMatch(/a quickstart is running already, in .*\n.*Press Ctrl-C in its terminal/);
  expect([code, (await first).code]).toEqual([1, 0]);
});
