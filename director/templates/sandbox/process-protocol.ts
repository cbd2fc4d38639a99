import type { Progress } from '../lane.ts';

/** What Ruby is made from. */
export interface SeedTask {
  readonly wasmPath: string;
  readonly programs: readonly string[];
  readonly pagesMax: number;
  /** Where the build has put a snapshot, as a rule of this very Ruby. */
  readonly shippedDir: string;
  /** Where one is kept between two starts of the director when the shipped one is of another Ruby. */
  readonly cacheDir: string | null;
}

/** To the process: first of all what its seed is; then what a lane is to do, each with a number that is never used again. */
export type ToProcess =
  | { readonly seed: SeedTask }
  | { readonly lane: number; readonly act: 'start' | 'begin' | 'stop' }
  | { readonly lane: number; readonly request: Uint8Array };

/** From the process. `lost` without a lane: it cannot serve at all. */
export type FromProcess =
  | { readonly seeded: true; readonly booted: boolean }
  | { readonly lost: string }
  | { readonly lane: number; readonly ready: true }
  | { readonly lane: number; readonly answer: Uint8Array }
  | { readonly lane: number; readonly progress: Progress }
  | { readonly lane: number; readonly lost: string }
  | { readonly lane: number; readonly stopped: true };
