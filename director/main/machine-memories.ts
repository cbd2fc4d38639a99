import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MachineMemory } from '../../agent/platform/simulated/machine-state.ts';
import type { VmCid } from '../../common/ids.ts';

/**
 * What simulated machines remember, so that a director that was killed finds them as they were: a small file each,
 * replaced as a whole. Files are written at once and not flushed: it is the process that dies here, not the machine.
 */
export class MachineMemories {
  readonly #directory: string | null;

  constructor(directory: string | null) {
    this.#directory = directory;
    if (directory !== null) mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  of(vmCid: VmCid): MachineMemory {
    let kept: string | undefined;
    const file = this.#file(vmCid);
    if (file === null) return { load: () => kept, save: (json) => void (kept = json) };
    return {
      load: () => readIfThere(file),
      save: (json) => {
        writeFileSync(`${file}.new`, json, { mode: 0o600 });
        renameSync(`${file}.new`, file);
      },
    };
  }

  forget(vmCid: VmCid): void {
    const file = this.#file(vmCid);
    if (file !== null) rmSync(file, { force: true });
  }

  #file(vmCid: VmCid): string | null {
    return this.#directory === null ? null : join(this.#directory, `${vmCid.replace(/[^\w.-]/g, '_')}.json`);
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw thrown;
  }
}
