import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { runSeed } from './scenario.ts';

/**
 * `npm run simulate -- --seeds N [--from S]`: a whole director in virtual time, N times, each with another sequence of
 * deploys, faults and kills; on all cores. Exit 1 when an invariant was violated; the seed tells which run to look at.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    verbose: { type: 'boolean', default: false },
    processes: { type: 'string', default: String(availableParallelism()) },
  },
});
const [count, from, processes] = [values.seeds, values.from, values.processes].map(Number) as [number, number, number];
const startedMs = performance.now();
if (process.send !== undefined) process.exit((await here()) === 0 ? 0 : 1);
const broken = await inProcesses();
console.log(
  `seeds ${from} to ${from + count - 1}: ${count - broken} passed, ${broken} failed in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`,
);
process.exit(broken === 0 ? 0 : 1);

/** @returns how many seeds failed */
async function here(): Promise<number> {
  let failed = 0;
  for (let seed = from; seed < from + count; seed++) {
    const { violated, story } = await runSeed(seed);
    if (values.verbose) console.log(`seed ${seed}\n${story.map((line) => `  ${line}`).join('\n')}`);
    if (violated.length === 0) continue;
    failed++;
    const lines = [...story.map((line) => `    ${line}`), ...violated.map((line) => `  VIOLATED ${line}`)];
    console.log(`seed ${seed}:\n${lines.join('\n')}`);
  }
  process.send?.(failed);
  return failed;
}

/** Each seed is a run of its own, so any process may have any of them. A process that dies has failed all of its own. */
async function inProcesses(): Promise<number> {
  const program = process.argv[1];
  if (program === undefined) throw new Error('started as a program');
  const share = Math.ceil(count / processes);
  const firsts = Array.from({ length: Math.ceil(count / share) }, (_, n) => from + n * share);
  const failures = firsts.map((first) => {
    const seeds = Math.min(share, from + count - first);
    const more = values.verbose ? ['--verbose'] : [];
    const child = fork(program, ['--seeds', `${seeds}`, '--from', `${first}`, ...more], {
      env: { ...process.env, UV_THREADPOOL_SIZE: '1' }, // virtual time waits for real work: support/real-work.ts
    });
    return new Promise<number>((resolve) => {
      let failed = seeds;
      child.on('message', (told) => (failed = Number(told)));
      child.once('exit', () => resolve(failed));
    });
  });
  return (await Promise.all(failures)).reduce((sum, failed) => sum + failed, 0);
}
