import { createRequire } from 'node:module';

/** Files that are not imported but read or started, and so have to be shipped beside the program. */
export interface Assets {
  /** CRuby with its standard library. */
  readonly wasm: URL;
  /** Ruby programs, in the order in which a new VM runs them. */
  readonly programs: readonly URL[];
  /** What runs in a thread. */
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
      new URL('./context.rb', import.meta.url),
      new URL('./serve.rb', import.meta.url),
      new URL('./seal.rb', import.meta.url),
    ],
    shippedDir: new URL('./', import.meta.url),
    worker: import.meta.url.endsWith('.ts') ? await bundledWorker() : new URL('./template-worker.js', import.meta.url),
  };
}

/** Serves jobs in a native Ruby; it loads all programs but the last. */
export function nativeProgram(): URL {
  return new URL('./native.rb', import.meta.url);
}

/**
 * From the sources only (tests, development): Node 20 starts no thread from TypeScript, so its code is put together on the
 * spot. esbuild is no dependency of the shipped program, which never gets here.
 */
async function bundledWorker(): Promise<URL> {
  const { build, stop } = await import('esbuild');
  const entry = new URL('./worker.ts', import.meta.url).pathname;
  const bundle = await build({ entryPoints: [entry], bundle: true, write: false, format: 'esm', platform: 'node' });
  await stop();
  const [code] = bundle.outputFiles;
  if (code === undefined) throw new Error('esbuild made nothing of the template worker');
  return new URL(`data:text/javascript;base64,${Buffer.from(code.contents).toString('base64')}`);
}
