import type { SeedTask } from './process-protocol.ts';
import type { Snapshot } from './snapshot.ts';

/** What a thread is started with. */
export type WorkerTask =
  | { readonly kind: 'seed'; readonly task: SeedTask }
  | { readonly kind: 'serve'; readonly seed: Seed; readonly progress: SharedArrayBuffer };

/** All that a thread needs to have a Ruby in some milliseconds. */
export interface Seed {
  readonly module: WebAssembly.Module;
  readonly snapshot: Snapshot;
  /** Whether Ruby had to start from nothing. */
  readonly booted: boolean;
}

/** To a thread that serves: a new VM, or a request for the one it has. */
export type ToWorker = 'begin' | Uint8Array;

/** From a thread: the seed; or that it is ready, a part of an answer, that a request is through, or what broke its VM. */
export type FromWorker = { seed: Seed } | 'ready' | Uint8Array | 'served' | { broken: string };

/** Int32s in the shared progress: renders begun, instance, source. */
export const PROGRESS = { rendersBegun: 0, instance: 1, source: 2, length: 3 } as const;
