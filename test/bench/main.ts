import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { measureBus } from './bus.ts';
import { benchDeploys } from './deploys.ts';
import { valueText, type Figure } from './figure.ts';
import { flatten } from './flatten.ts';
import { benchAlerts, benchHealth } from './health.ts';
import { benchReleaseRead } from './release-read.ts';
import { benchStore } from './store.ts';
import { benchTemplates } from './templates.ts';

// npm run bench -- [NAME ...] [--json FILE] [--sizes 50,1000]
//
// Measures what docs/performance.md shows. Without a name all of it: some minutes. The machine should have nothing
// else to do; figures of two versions are to be compared as a ratio, taken in turns on one machine.

const benches: Readonly<Record<string, (tell: (figure: Figure) => void) => Promise<void>>> = {
  deploys: (tell) => benchDeploys(builtProgram(), sizes, tell),
  templates: async (tell) => flatten(await benchTemplates()).forEach(tell),
  store: async (tell) => (await benchStore()).forEach(tell),
  bus: async (tell) => flatten(await measureBus()).forEach(tell),
  health: benchHealth,
  alerts: benchAlerts,
  'release-read': async (tell) => flatten(await benchReleaseRead()).forEach(tell),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, sizes: { type: 'string', default: '2,50,1000,5000' } },
});
const sizes = values.sizes.split(',').map(Number);
const names = positionals.length > 0 ? positionals : Object.keys(benches);
const unknown = names.filter((name) => benches[name] === undefined);
if (unknown.length > 0) {
  console.error(`No benchmark ${unknown.join(', ')}. There are: ${Object.keys(benches).join(', ')}.`);
  process.exit(1);
}

const machine = { node: process.version, cpus: cpus().map(({ model }) => model), memoryGib: totalmem() / 1024 ** 3 };
console.log(`Node ${machine.node}, ${machine.cpus.length} x ${machine.cpus[0]}, ${machine.memoryGib.toFixed(0)} GiB`);
const taken: Record<string, Figure[]> = {};
for (const name of names) {
  console.log(`\n${name}`);
  const figures: Figure[] = [];
  await benches[name]?.((figure) => {
    figures.push(figure);
    console.log(`  ${figure.what.padEnd(58)}  ${valueText(figure)}`);
  });
  taken[name] = figures;
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, taken }, null, 2)}\n`);
process.exit();

/** As it is shipped, built aside so that a program that runs from dist/ is left alone. */
function builtProgram(): string {
  const folder = resolve('node_modules/.cache/gantry/bench');
  execFileSync(process.execPath, ['scripts/build.mjs', folder], { stdio: 'inherit' });
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return resolve(folder, 'gantry.js');
}
