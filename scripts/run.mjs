// Runs a TypeScript program of this repository: `node scripts/run.mjs FILE [ARGUMENT ...]`. It is bundled first,
// because Node 20 reads no TypeScript.
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

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
});
process.argv = [process.argv[0], outfile, ...args];
await import(pathToFileURL(outfile).href);
