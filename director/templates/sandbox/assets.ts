import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

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
 * From the sources only (tests, development): Node 20 runs no TypeScript, so its code is put together on the spot.
 * esbuild is no dependency of the shipped program, which never gets here.
 */
async function bundledWorker(): Promise<URL> {
  const { build, stop } = await import('esbuild');
  const entry = new URL('./worker.ts', import.meta.url).pathname;
  const bundle = await build({ entryPoints: [entry], bundle: true, write: false, format: 'esm', platform: 'node' });
  await stop();
  const [code] = bundle.outputFiles;
  if (code === undefined) throw new Error('esbuild made nothing of the template worker');
  return keptBeside('template-worker', code.contents);
}

/** In node_modules/.cache, by its content; others may do the same at this moment. */
async function keptBeside(name: string, code: Uint8Array): Promise<URL> {
  const folder = new URL('../../../node_modules/.cache/gantry/', import.meta.url);
  await mkdir(folder, { recursive: true });
  const [partial, file] = [
    new URL(`${name}-${randomUUID()}.partial`, folder),
    new URL(`${name}-${createHash('sha256').update(code).digest('hex').slice(0, 16)}.mjs`, folder),
  ];
  await writeFile(partial, code);
  await rename(partial, file);
  return file;
}
