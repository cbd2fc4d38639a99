// Runs a TypeScript program of this repository: `node scripts/run.mjs FILE [ARGUMENT ...]`. It is bundled first,
// because Node 20 reads no TypeScript.
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/**
 * Each module keeps the address of its source, so that it finds the files that lie beside it there. In backquotes, which
 * an address has none of, so that a text in which one module puts the words into another stays a text.
 */
const sourceUrls = {
  name: 'source-urls',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      return { loader: 'ts', contents: text.replaceAll('import.meta.url', `\`${pathToFileURL(path).href}\``) };
    }),
};

const [file, ...args] = process.argv.slice(2);
const outfile = resolve(join('node_modules', '.cache', 'gantry', file.replace(/\W/g, '-') + '.mjs'));
await mkdir(resolve('node_modules/.cache/gantry'), { recursive: true });
await build({
  entryPoints: [file],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
  sourcemap: 'inline',
  plugins: [sourceUrls],
});
process.argv = [process.argv[0], outfile, ...args];
await import(pathToFileURL(outfile).href);
