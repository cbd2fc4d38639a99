import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MachineMemory } from '../../agent/platform/simulated/machine-state.ts';
import type { VmCid } from '../../common/ids.ts';
import { TextFile } from '../store/text-file.ts';

/** What simulated machines remember, so that a director that was killed finds them as they were. */
export class MachineMemories {
  readonly #file: TextFile | null;

  constructor(directory: string | null) {
    if (directory !== null) mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#file = directory === null ? null : new TextFile(join(directory, 'memories.db'));
  }

  of(vmCid: VmCid): MachineMemory {
    const file = this.#file;
    if (file !== null) return { load: () => file.get(vmCid), save: (json) => file.put(vmCid, json) };
    let kept: string | undefined;
    return { load: () => kept, save: (json) => void (kept = json) };
  }

  forget(vmCid: VmCid): void {
    this.#file?.delete(vmCid);
  }

  close(): void {
    this.#file?.close();
  }
}
