// Bundles the programs into dist/: gantry (director and CLI), the agent as one file that ships alone, and what the
// template sandbox reads beside it. Fast enough (under a second) to run before every start from a checkout.
import { chmod, cp, mkdir, readdir, rm } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { build } from 'esbuild';

const outdir = 'dist';
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
await mkdir(outdir);
await Promise.all([
  build({
    ...common,
    entryPoints: { gantry: 'cli/main.ts' },
    outdir,
    splitting: true,
    packages: 'external',
    chunkNames: '[name]-[hash]',
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
