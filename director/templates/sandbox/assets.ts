import { createRequire } from 'node:module';
import { programFile } from '../program-file.ts';

/** Files that are not imported but read or started, and so have to be shipped beside the program. */
export interface Assets {
  /** CRuby with its standard library. */
  readonly wasm: URL;
  /** Ruby programs, in the order in which a new VM runs them. */
  readonly programs: readonly URL[];
  /** What runs in a process of its own, and in its threads. */
  readonly worker: URL;
  /** Where the build leaves the snapshot of a started Ruby. */
  readonly shippedDir: URL;
}

/** Where they are: all but the first beside this module, in the sources as in a bundle. */
export async function findAssets(): Promise<Assets> {
  const require = createRequire(import.meta.url);
  return {
    wasm: new URL(`file://${require.resolve('@ruby/4.0-wasm-wasi/dist/ruby+stdlib.wasm')}`),
    programs: [
      new URL('./libraries.rb', import.meta.url),
      new URL('./open-structs.rb', import.meta.url),
      new URL('./sameness.rb', import.meta.url),
      new URL('./context.rb', import.meta.url),
      new URL('./source.rb', import.meta.url),
      new URL('./serve.rb', import.meta.url),
      new URL('./seal.rb', import.meta.url),
    ],
    shippedDir: new URL('./', import.meta.url),
    worker: await programFile('template-worker', new URL('./worker.ts', import.meta.url), import.meta.url),
  };
}

/** Serves jobs in a native Ruby; it loads all programs but the last. */
export function nativeProgram(): URL {
  return new URL('./native.rb', import.meta.url);
}
