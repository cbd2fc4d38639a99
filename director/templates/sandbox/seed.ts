import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { capMemory, withoutData } from './wasm-sections.ts';
import type { SeedTask } from './process-protocol.ts';
import { PAGE_BYTES, restoreSnapshot, takeSnapshot } from './snapshot.ts';
import { loadSnapshot, storeSnapshot } from './snapshot-file.ts';
import { SealedRuby } from './vm.ts';
import type { Seed } from './worker-protocol.ts';

/** Compiles Ruby, and takes its snapshot from where there is one or, failing that, from a Ruby that it starts. */
export async function makeSeed(task: SeedTask): Promise<Seed> {
  const wasm = await readFile(task.wasmPath);
  const capped = capMemory(wasm, task.pagesMax);
  const compiling = WebAssembly.compile(withoutData(capped));
  const key = keyOf(wasm, task);
  const stored =
    (await loadSnapshot(task.shippedDir, key)) ??
    (task.cacheDir === null ? undefined : await loadSnapshot(task.cacheDir, key));
  const module = await compiling;
  if (stored !== undefined) return { module, snapshot: stored, booted: false };
  const mute = { answer: () => {}, progress: () => {} };
  const { memory } = await SealedRuby.boot(await WebAssembly.compile(capped), task.programs, mute);
  const snapshot = takeSnapshot(memory);
  if (task.cacheDir !== null) await storeSnapshot(task.cacheDir, key, snapshot);
  return { module, snapshot, booted: true };
}

/** Whatever goes into a snapshot. Two programs with the same key have the same snapshot. */
export function keyOf(wasm: Uint8Array, { programs, pagesMax }: Pick<SeedTask, 'programs' | 'pagesMax'>): string {
  const hash = createHash('sha256').update(wasm).update(`${pagesMax} ${PAGE_BYTES}`);
  for (const program of programs) hash.update(`${program.length} ${program}`);
  return hash.digest('hex');
}

/** A Ruby in which nothing has run since the snapshot. */
export async function sprout(seed: Seed, outlets: Parameters<typeof SealedRuby.asleep>[1]): Promise<SealedRuby> {
  const ruby = await SealedRuby.asleep(seed.module, outlets);
  restoreSnapshot(seed.snapshot, ruby.memory);
  ruby.awake();
  return ruby;
}
