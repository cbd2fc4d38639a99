// Bundles the programs into dist/ (or the folder named as argument): gantry (director and CLI), the agent as one file
// that ships alone, and what the template sandbox reads beside it. Fast enough (under a second) to run before every start from a checkout.
// `node scripts/build.mjs [DIRECTORY]`: elsewhere than in dist/, for tests that must not disturb what runs from there.
import { chmod, cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const { build } = await import('esbuild').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  console.error('What Gantry is made with is not here yet: run `npm ci` first.');
  process.exit(1);
});
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

const sandbox = 'director/templates/sandbox';
// Outlives builds: starting Ruby takes some seconds, and is needed only when Ruby or its programs have changed.
const snapshots = 'node_modules/.cache/gantry-ruby-snapshot';

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
    define: { ...common.define, __dirname: 'import.meta.dirname' }, // CommonJS, too
    // Everything else goes in: looking for 900 modules one by one took a second of every start.
    external: ['better-sqlite3', 'pg-native', 'esbuild', 'cpu-features', '*.node'],
  }),
  build({ ...common, entryPoints: { agent: 'agent/main.ts' }, outdir, banner, minifySyntax: true }),
  build({
    ...common,
    entryPoints: { dns: 'dns/main.ts' },
    outdir,
    outExtension: { '.js': '.mjs' },
    banner,
    minifySyntax: true,
  }),
  build({ ...common, entryPoints: { snapshot: `${sandbox}/make-snapshot.ts` }, outdir, banner, external: ['esbuild'] }),
  build({ ...common, entryPoints: { 'template-worker': `${sandbox}/worker.ts` }, outdir, banner }),
  build({ ...common, entryPoints: { 'schema-worker': 'director/templates/schema/worker.ts' }, outdir, banner }),
]);
for (const file of await readdir(sandbox))
  if (file.endsWith('.rb')) await cp(`${sandbox}/${file}`, `${outdir}/${file}`);
execFileSync(process.execPath, [`${outdir}/snapshot.js`, snapshots], { stdio: 'inherit' });
await rm(`${outdir}/snapshot.js`);
await cp(snapshots, outdir, { recursive: true });
await cp('releases/shipped', `${outdir}/shipped`, { recursive: true });
// The release is made where its program is.
await mkdir(`${outdir}/shipped/dns/src/gantry-dns`, { recursive: true });
await rename(`${outdir}/dns.mjs`, `${outdir}/shipped/dns/src/gantry-dns/dns.mjs`);
await cp('manifests/shipped', `${outdir}/shipped`, { recursive: true });
await chmod(`${outdir}/gantry.js`, 0o755);
