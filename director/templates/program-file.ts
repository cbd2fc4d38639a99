import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';

/**
 * The file of a program that is not imported but started, as a thread or a process: `NAME.js` beside the bundle.
 *
 * From the sources (tests, development) Node 20 runs no TypeScript, so it is put together on the spot, by its entry.
 * esbuild is no dependency of the shipped program, which never gets there.
 * @param from the import.meta.url of whoever asks
 */
export async function programFile(name: string, entry: URL, from: string): Promise<URL> {
  if (!from.endsWith('.ts')) return new URL(`./${name}.js`, from);
  const { build, stop } = await import('esbuild');
  const bundle = await build({
    entryPoints: [entry.pathname],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    banner: { js: requireBanner },
  });
  await stop();
  const [code] = bundle.outputFiles;
  if (code === undefined) throw new Error(`esbuild made nothing of ${name}`);
  return keptByContent(name, code.contents);
}

/** What is CommonJS in a bundle of modules asks for `require`. */
const requireBanner =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/** In node_modules/.cache; others may do the same at this moment. */
async function keptByContent(name: string, code: Uint8Array): Promise<URL> {
  const folder = new URL('../../node_modules/.cache/gantry/', import.meta.url);
  await mkdir(folder, { recursive: true });
  const [partial, file] = [
    new URL(`${name}-${randomUUID()}.partial`, folder),
    new URL(`${name}-${createHash('sha256').update(code).digest('hex').slice(0, 16)}.mjs`, folder),
  ];
  await writeFile(partial, code);
  await rename(partial, file);
  return file;
}
