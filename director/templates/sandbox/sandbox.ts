import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../../common/clock.ts';
import type { Log } from '../../../common/log.ts';
import type { Lane } from '../lane.ts';
import { LanePool, type LaneSource, type PoolOptions } from '../pool.ts';
import type { TemplateRenderer } from '../renderer.ts';
import { findAssets, type Assets } from './assets.ts';
import type { SeedTask } from './process-protocol.ts';
import { RubyProcess } from './ruby-process.ts';
import { PAGE_BYTES } from './snapshot.ts';

/** Of one Ruby. Templates that need more are refused; it costs nothing where it isn't used. */
export const rubyMemoryMibMax = 512;

export interface SandboxOptions extends PoolOptions {
  /**
   * Keeps the snapshot of a started Ruby (30 MB) where the build has left none that fits, so that the next start takes
   * 0.2 s. Null: none is kept.
   */
  readonly cacheDir: string | null;
}

/** Renders in WebAssembly, in threads of a process of its own. Nothing starts before the first call. */
export function sandboxRenderer(options: SandboxOptions, { clock, log }: { clock: Clock; log: Log }): TemplateRenderer {
  return new LanePool(new SandboxLanes(options, { clock, log }), options, { clock, log });
}

class SandboxLanes implements LaneSource {
  readonly #options: SandboxOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  #assets: Promise<Assets> | undefined;
  /** Started for all lanes by the first of them; as long as there are lanes. */
  #process: Promise<RubyProcess> | undefined;
  readonly #closed = new AbortController();

  constructor(options: SandboxOptions, { clock, log }: { clock: Clock; log: Log }) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  async start(): Promise<Lane> {
    const process = await this.#serving();
    try {
      return await process.startLane();
    } catch (error) {
      if (!process.lost || this.#closed.signal.aborted) throw error;
      return (await this.#serving()).startLane(); // it was another lane's undoing that ended it
    }
  }

  /** The process that there is, or a new one: one for all who ask while there is none. */
  async #serving(): Promise<RubyProcess> {
    const started = (this.#process ??= this.#startProcess());
    let lost = true;
    try {
      const process = await started;
      lost = process.lost;
      if (!lost) return process;
    } finally {
      if (lost && this.#process === started) this.#process = undefined; // the next call tries again
    }
    return this.#serving();
  }

  rest(): void {
    this.#process?.then(
      (process) => process.stop(),
      () => {}, // it never ran
    );
    this.#process = undefined;
  }

  close(): void {
    this.#closed.abort();
    this.rest();
  }

  async #startProcess(): Promise<RubyProcess> {
    const startedMs = this.#clock.now();
    this.#assets ??= findAssets();
    const assets = await this.#assets;
    const task = await seedTask(assets, this.#options);
    const process = await RubyProcess.start(fileURLToPath(assets.worker), task, this.#closed.signal);
    this.#log.info('ruby-started', {
      from: process.booted ? 'boot' : 'snapshot',
      tookMs: this.#clock.now() - startedMs,
    });
    return process;
  }
}

/** What a started Ruby is made of. The build asks for the same, and so comes to the same key. */
export async function seedTask(
  { wasm, programs, shippedDir }: Assets,
  { cacheDir, memoryMibMax }: { cacheDir: string | null; memoryMibMax: number },
): Promise<SeedTask> {
  return {
    wasmPath: fileURLToPath(wasm),
    programs: await Promise.all(programs.map((url) => readFile(url, 'utf8'))),
    pagesMax: (memoryMibMax * 1024 * 1024) / PAGE_BYTES,
    shippedDir: fileURLToPath(shippedDir),
    cacheDir,
  };
}
