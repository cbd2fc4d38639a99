// Bundles the programs into dist/ (or the folder named as argument): gantry (director and CLI), the agent as one file
// that ships alone, and what the template sandbox reads beside it. Fast enough (under a second) to run before every start from a checkout.
// `node scripts/build.mjs [DIRECTORY]`: elsewhere than in dist/, for tests that must not disturb what runs from there.
import { chmod, cp, mkdir, readdir, rm } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { build } from 'esbuild';

const outdir = process.argv[2] ?? 'dist';
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

function revision() {
  try {
    return execFileSync('git', ['rev-parse', '--short=8', 'HEAD'], { stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim();
  } catch {
    return '00000000'; // built from an archive of the sources
  }
}

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  logLevel: 'warning',
  define: {
    'process.env.GANTRY_VERSION': JSON.stringify(version),
    'process.env.GANTRY_REVISION': JSON.stringify(revision()),
  },
};
// What is CommonJS in a bundle of modules asks for `require`.
const banner = {
  js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
};

await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });
await Promise.all([
  build({
    ...common,
    entryPoints: { gantry: 'cli/main.ts' },
    outdir,
    splitting: true,
    chunkNames: '[name]-[hash]',
    banner,
    // Everything else goes in: looking for 900 modules one by one took a second of every start.
    external: ['better-sqlite3', 'pg-native', 'esbuild'],
  }),
  build({ ...common, entryPoints: { agent: 'agent/main.ts' }, outdir, banner, minifySyntax: true }),
  build({ ...common, entryPoints: { 'template-worker': 'director/templates/sandbox/worker.ts' }, outdir, banner }),
]);
const sandbox = 'director/templates/sandbox';
for (const file of await readdir(sandbox))
  if (file.endsWith('.rb')) await cp(`${sandbox}/${file}`, `${outdir}/${file}`);
await cp('releases/shipped', `${outdir}/shipped`, { recursive: true });
await cp('manifests/shipped', `${outdir}/shipped`, { recursive: true });
await chmod(`${outdir}/gantry.js`, 0o755);
