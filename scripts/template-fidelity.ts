/**
 * Renders every job template of checkouts of releases, with defaults and with filled-in values, in the sandbox and in a
 * native Ruby, and by BOSH's own evaluation context where its library is given; compares byte for byte, and prints the
 * counts and each difference. Exit status 1: there were some.
 *
 *   node scripts/run.mjs scripts/template-fidelity.ts [--ruby PATH] [--bosh-lib BOSH_CHECKOUT/src/bosh-common/lib] RELEASE_CHECKOUT…
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../common/clock.ts';
import { createLog } from '../common/log.ts';
import { nativeRenderer } from '../director/templates/native.ts';
import type { RenderOutcome, TemplateRenderer } from '../director/templates/renderer.ts';
import { sandboxRenderer } from '../director/templates/sandbox/sandbox.ts';
import { casesOf, type FidelityCase } from './template-fidelity/cases.ts';
import { startOracle } from './template-fidelity/oracle.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { ruby: { type: 'string', default: 'ruby' }, 'bosh-lib': { type: 'string' } },
});
if (positionals.length === 0) {
  console.error('usage: template-fidelity [--ruby PATH] [--bosh-lib DIR] RELEASE_CHECKOUT…');
  process.exit(2);
}

/** What one renderer makes of one template: its bytes, or what BOSH would print. */
type Result = { bytes: Buffer } | { fault: string };

const cacheDir = await mkdtemp(join(tmpdir(), 'template-fidelity-'));
const limits = { lanesMax: 1, pendingMax: 100_000, idleMs: 60_000, renderMsMax: 60_000 };
const sizes = { outputBytesMax: 64 * 1024 * 1024, memoryMibMax: 512 };
const wiring = { clock: systemClock, log: createLog({ level: 'warn' }) };
const sandbox = sandboxRenderer({ ...limits, ...sizes, cacheDir }, wiring);
const native = nativeRenderer({ ...limits, ...sizes, ruby: values.ruby }, wiring);
const oracle = values['bosh-lib'] === undefined ? undefined : startOracle(values.ruby, values['bosh-lib']);

/** By template. */
const former = new Map<string, FidelityCase['spec']>();
const counts = { templates: 0, renders: 0, identical: 0, sameButRubysWords: 0, different: 0, outputs: 0, faults: 0 };
try {
  for (const release of positionals) {
    for (const aCase of await casesOf(release)) await compare(aCase);
  }
} finally {
  await Promise.all([sandbox.close(), native.close(), oracle?.close(), rm(cacheDir, { recursive: true })]);
}
console.log(JSON.stringify(counts, null, 2));
process.exitCode = counts.different === 0 ? 0 : 1;

async function compare(aCase: FidelityCase): Promise<void> {
  const ours = await renderBy(sandbox, aCase);
  const others = [
    { by: 'native Ruby', result: await renderBy(native, aCase) },
    ...(oracle === undefined ? [] : [{ by: 'BOSH', result: await oracle.ask(aCase) }]),
  ];
  former.set(aCase.name, aCase.spec);
  if (aCase.values === 'defaults') counts.templates++;
  counts.renders++;
  counts['bytes' in ours ? 'outputs' : 'faults']++;
  const differing = others.filter(({ result }) => !same(ours, result));
  const worse = differing.filter(({ result }) => !('fault' in ours && 'fault' in result && sameToday(ours, result)));
  if (differing.length === 0) counts.identical++;
  else if (worse.length === 0) counts.sameButRubysWords++;
  else counts.different++;
  for (const { by, result } of worse) {
    console.log(`${aCase.name} (${aCase.values}): the sandbox and ${by} differ`);
    console.log(`  sandbox: ${excerpt(ours, result)}\n  ${by}: ${excerpt(result, ours)}`);
  }
}

/** Behind an instance with the template's former values, of which nothing may be seen. */
async function renderBy(renderer: TemplateRenderer, { name, job, spec }: FidelityCase): Promise<Result> {
  const outcomes = await renderer.render(job, [{ spec: former.get(name) ?? spec }, { spec }]);
  return resultOf(outcomes[1]);
}

function resultOf(outcome: RenderOutcome | undefined): Result {
  if (outcome?.ok === true) return { bytes: outcome.job.files[0]?.content ?? Buffer.alloc(0) };
  const fault = outcome?.faults[0];
  return { fault: `line ${fault?.line ?? '(unknown)'}: ${fault?.message}` };
}

function same(a: Result, b: Result): boolean {
  if ('bytes' in a && 'bytes' in b) return a.bytes.equals(b.bytes);
  return 'fault' in a && 'fault' in b && a.fault === b.fault;
}

/** Ruby 3.4 has reworded its own messages, and BOSH, which runs on 4.0, prints the new words. */
function sameToday(a: { fault: string }, b: { fault: string }): boolean {
  const reworded = ({ fault }: { fault: string }) =>
    fault.replace(/`/g, "'").replace(/(: undefined (?:local variable or )?method '[^']*') for [^]*$/, '$1');
  return reworded(a) === reworded(b);
}

/** The first place where two results part. */
function excerpt(result: Result, other: Result): string {
  if ('fault' in result) return result.fault;
  const text = result.bytes.toString('utf8');
  if (!('bytes' in other)) return JSON.stringify(text.slice(0, 200));
  let at = 0;
  while (at < result.bytes.length && result.bytes[at] === other.bytes[at]) at++;
  return `from byte ${at}: ${JSON.stringify(result.bytes.subarray(Math.max(0, at - 40), at + 120).toString('utf8'))}`;
}
