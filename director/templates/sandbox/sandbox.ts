import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../../common/clock.ts';
import type { Log } from '../../../common/log.ts';
import { LanePool, type LaneSource, type PoolOptions } from '../pool.ts';
import type { TemplateRenderer } from '../renderer.ts';
import { findAssets, type Assets } from './assets.ts';
import { PAGE_BYTES } from './snapshot.ts';
import { seedInThread, ThreadLane } from './thread-lane.ts';
import type { SeedTask } from './seed.ts';
import type { Seed } from './worker-protocol.ts';

/** Of one Ruby. Templates that need more are refused; it costs nothing where it isn't used. */
export const rubyMemoryMibMax = 512;

export interface SandboxOptions extends PoolOptions {
  /**
   * Keeps the snapshot of a started Ruby (30 MB) where the build has left none that fits, so that the next start takes
   * 0.2 s. Null: none is kept.
   */
  readonly cacheDir: string | null;
}

/** Renders in WebAssembly. Nothing starts before the first call. */
export function sandboxRenderer(options: SandboxOptions, { clock, log }: { clock: Clock; log: Log }): TemplateRenderer {
  return new LanePool(new SandboxLanes(options, { clock, log }), options, { clock, log });
}

class SandboxLanes implements LaneSource {
  readonly #options: SandboxOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  #assets: Promise<Assets> | undefined;
  /** Made once for all lanes, by the first that starts; as long as there are lanes. */
  #seed: Promise<Seed> | undefined;
  readonly #closed = new AbortController();

  constructor(options: SandboxOptions, { clock, log }: { clock: Clock; log: Log }) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  async start(): Promise<ThreadLane> {
    this.#assets ??= findAssets();
    const assets = await this.#assets;
    this.#seed ??= this.#makeSeed(assets);
    const seed = this.#seed;
    try {
      return await ThreadLane.start(assets.worker, await seed);
    } catch (error) {
      if (this.#seed === seed) this.#seed = undefined; // the next call tries again
      throw error;
    }
  }

  rest(): void {
    this.#seed = undefined;
  }

  close(): void {
    this.#closed.abort();
  }

  async #makeSeed(assets: Assets): Promise<Seed> {
    const startedMs = this.#clock.now();
    const task = await seedTask(assets, this.#options);
    const seed = await seedInThread(assets.worker, task, this.#closed.signal);
    this.#log.info('ruby-started', { from: seed.booted ? 'boot' : 'snapshot', tookMs: this.#clock.now() - startedMs });
    return seed;
  }
}

/** What a started Ruby is made of. The build asks for the same, and so comes to the same key. */
export async function seedTask(
  { wasm, programs, shippedDir }: Assets,
  { cacheDir, memoryMibMax }: { cacheDir: string | null; memoryMibMax: number },
): Promise<SeedTask> {
  return {
    kind: 'seed',
    wasmPath: fileURLToPath(wasm),
    programs: await Promise.all(programs.map((url) => readFile(url, 'utf8'))),
    pagesMax: (memoryMibMax * 1024 * 1024) / PAGE_BYTES,
    shippedDir: fileURLToPath(shippedDir),
    cacheDir,
  };
}
