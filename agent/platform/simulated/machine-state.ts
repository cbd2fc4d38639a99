import { isRecord } from '../../shape.ts';
import type { ApplySpec, DiskHint } from '../../protocol.ts';

/** Where a simulated machine keeps what a real one has on its disks. Given by its host; survives a reboot. */
export interface MachineMemory {
  load(): string | undefined;
  save(json: string): void;
}

/**
 * What a simulated machine remembers.
 *
 * Job states: blank (no jobs set up: counts as running, as on a real machine) -> started by `start` -> stopped by
 * `stop` -> started again. What goes wrong in between is in the machine's script and is not remembered.
 */
export interface MachineState {
  /** The applied spec as JSON: the parsed form would be most of an idle machine's memory. */
  specJson: string | null;
  /** The jobs' names, in order. */
  jobs: string[];
  jobState: 'blank' | 'started' | 'stopped';
  disks: Record<string, DiskHint>;
  /** The cid of each disk that is mounted, by where. */
  mounts: { store: string | null; migrationTarget: string | null };
  dnsVersion: number;
  /** Blobs that came by `upload_blob`. */
  uploaded: string[];
  users: string[];
  /** How often `update_settings` changed the certificate. */
  certificatesSwapped: number;
}

export function loadState(memory: MachineMemory | undefined, disks: Record<string, DiskHint>): MachineState {
  const json = memory?.load();
  const remembered: unknown = json === undefined ? {} : JSON.parse(json);
  if (!isRecord(remembered)) throw new Error('the memory of a simulated machine holds something else');
  return {
    specJson: null,
    jobs: [],
    jobState: 'blank',
    mounts: { store: null, migrationTarget: null },
    dnsVersion: 0,
    uploaded: [],
    users: [],
    certificatesSwapped: 0,
    disks: { ...disks },
    ...remembered, // written by saveState alone
  };
}

export function saveState(memory: MachineMemory | undefined, state: MachineState): void {
  memory?.save(JSON.stringify(state));
}

export function specOf(state: MachineState): ApplySpec | null {
  return state.specJson === null ? null : (JSON.parse(state.specJson) as ApplySpec); // checked when it was applied
}
