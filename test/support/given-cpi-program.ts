import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemChance } from '../../common/chance.ts';
import { systemClock } from '../../common/clock.ts';
import { ExecutableCpi, type ExecutableCpiOptions } from '../../cpi/executable.ts';

export type Fault = 'refuse' | 'die' | 'die-first' | 'garbage' | 'hang' | 'slow';

interface Infrastructure {
  stemcells: Record<string, unknown>;
  vms: Record<string, { agentId: string; context: Record<string, unknown>; env: Record<string, unknown> }>;
  disks: Record<string, { sizeMib: number; vm: string | null }>;
  snapshots: Record<string, unknown>;
  networks: Record<string, unknown>;
}

/** A CPI program (cpi-program.mjs) with an infrastructure of its own, and the director's side of it. */
export async function givenCpiProgram(options: Partial<ExecutableCpiOptions> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'cpi-program-'));
  const program = join(directory, 'cpi');
  const script = join(import.meta.dirname, 'cpi-program.mjs');
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${script}' '${directory}'\n`);
  await chmod(program, 0o755);
  await mkdir(join(directory, 'faults'));
  await writeFile(
    join(directory, 'infrastructure.json'),
    JSON.stringify({ stemcells: {}, vms: {}, disks: {}, snapshots: {}, networks: {} }),
  );
  const callsDirectory = join(directory, 'calls');
  /** As a director does when it starts. */
  const open = (more: Partial<ExecutableCpiOptions> = {}) =>
    ExecutableCpi.of({
      program,
      callsDirectory,
      directorUuid: 'director-1',
      clock: systemClock,
      chance: systemChance,
      ...options,
      ...more,
    });
  return {
    directory,
    callsDirectory,
    program,
    open,
    fault: (method: string, fault: Fault, content = '') =>
      writeFile(join(directory, 'faults', `${method}.${fault}`), content),
    set: (name: 'vms-max' | 'info', content: string) => writeFile(join(directory, name), content),
    // Written by cpi-program.mjs, from the shape above
    infrastructure: async () =>
      JSON.parse(await readFile(join(directory, 'infrastructure.json'), 'utf8')) as Infrastructure,
    remove: () => rm(directory, { recursive: true, force: true, maxRetries: 5 }),
  };
}
