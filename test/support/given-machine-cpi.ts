import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { expect } from 'vitest';
import { processMachinesPossible } from '../../cpi/memory/namespace.ts';
import type { DirectorProcess } from './given-director-process.ts';

const run = promisify(execFile);
const callMsMax = 30_000;

type Hold = 'hold-before' | 'hold-after';
type Mishap = 'die' | 'garbage' | 'hang';

/** Where a director's config file finds the program, from its own folder. */
export const machineCpiPath = 'infrastructure/cpi';

/** The CPI program machine-cpi.ts, with an infrastructure of its own in the folder of a director. */
export async function givenMachineCpi({ home }: DirectorProcess, { agent }: { agent: string }) {
  const directory = join(home, 'infrastructure');
  const [program, bundle] = [join(home, machineCpiPath), join(directory, 'machine-cpi.mjs')];
  await mkdir(join(directory, 'faults'), { recursive: true });
  await build({
    entryPoints: [join(import.meta.dirname, 'machine-cpi.ts')],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  const possible = await processMachinesPossible();
  if (!possible.possible) throw new Error(`process machines are not possible here: ${possible.reason}`);
  const words = [process.execPath, bundle, directory, agent, possible.privilege].map((word) => `'${word}'`);
  await writeFile(program, `#!/bin/sh\nexec ${words.join(' ')}\n`);
  await chmod(program, 0o755);
  const fault = (name: string) => join(directory, 'faults', name);
  return {
    machines: join(directory, 'machines'),

    /** Calls of this method wait. `arrived` tells whether one does; `release` lets all go on. */
    async hold(method: string, when: Hold) {
      const path = fault(`${method}.${when}`);
      await writeFile(path, '');
      return {
        arrived: async () => (await readdir(join(directory, 'faults'))).includes(`${method}.${when}.held`),
        release: async () => {
          await rm(path);
          await rm(`${path}.held`, { force: true });
        },
      };
    },

    /** One call of this method goes wrong. */
    mishap: (method: string, kind: Mishap, content = '') => writeFile(fault(`${method}.${kind}`), content),

    /** What somebody does there without any director. */
    async call(method: string, given: unknown[]): Promise<void> {
      const asked = run(program, { timeout: callMsMax });
      asked.child.stdin?.end(JSON.stringify({ method, arguments: given }));
      expect(JSON.parse((await asked).stdout)).toMatchObject({ error: null });
    },

    /** What the infrastructure has, by cid. */
    vms: async () => (await readdir(join(directory, 'machines/vms'))).sort(),
    disks: () => readdir(join(directory, 'machines/disks')),

    /** The agent of each VM that was asked for, once for each time. */
    async askedFor(): Promise<string[]> {
      const text = await readFile(join(directory, 'asked-for-vms'), 'utf8');
      return text.trimEnd().split('\n');
    },

    /** The program's processes that live, of whichever director. */
    async processes(): Promise<number[]> {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
      const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
      return pids.filter((_, i) => commands[i]?.includes(bundle) || commands[i]?.includes(program)).map(Number);
    },
  };
}
