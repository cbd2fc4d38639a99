import { parseArgs } from 'node:util';
import { runSeed } from './scenario.ts';

/**
 * `npm run simulate -- --seeds N [--from S]`: a whole director in virtual time, N times, each with another sequence of
 * deploys, faults and kills. Exit 1 when an invariant was violated; the seed tells which run to look at.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    verbose: { type: 'boolean', default: false },
  },
});
const [count, from] = [Number(values.seeds), Number(values.from)];
let broken = 0;
const startedMs = performance.now();
for (let seed = from; seed < from + count; seed++) {
  const { violated, story } = await runSeed(seed).catch((thrown: unknown) => ({
    violated: [thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)],
    story: [] as string[],
  }));
  if (values.verbose) console.log(`seed ${seed}\n${story.map((line) => `  ${line}`).join('\n')}`);
  if (violated.length === 0) continue;
  broken++;
  console.log(
    `seed ${seed}:\n${[...story.map((line) => `    ${line}`), ...violated.map((line) => `  VIOLATED ${line}`)].join('\n')}`,
  );
}
console.log(
  `seeds ${from} to ${from + count - 1}: ${count - broken} passed, ${broken} failed in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`,
);
process.exit(broken === 0 ? 0 : 1);
