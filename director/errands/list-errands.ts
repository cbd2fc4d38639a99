import { DeployVariables } from '../deploy/variables/deploy-variables.ts';
import { resolveGroups } from '../deploy/resolve.ts';
import { storedTexts } from '../deploy/stored-texts.ts';
import type { Deployment } from '../store/deployments.ts';
import type { ReleaseJob } from '../store/releases.ts';
import type { Store } from '../store/store.ts';

/** A client waits for no config server longer. */
const answerMsMax = 30_000;

/** What `bosh run-errand` takes: groups of errands, then jobs that have something to run, each once. As BOSH. */
export async function errandsOf(
  deployment: Deployment,
  store: Store,
  deps: Parameters<typeof DeployVariables.kept>[1],
): Promise<string[]> {
  const texts = await storedTexts(deployment, store);
  if (texts === undefined) return [];
  const reading = { store, signal: AbortSignal.timeout(answerMsMax) };
  const variables = await DeployVariables.kept(deployment.name, deps, reading);
  const { groups, releases } = await resolveGroups(texts, { store, variables });
  const names = groups.flatMap(({ group }) => (group.lifecycle === 'errand' ? [group.name] : []));
  for (const { jobs } of groups) {
    for (const { name, release } of jobs) {
      const job = releases.get(release)?.jobs.find((each) => each.name === name);
      if (job !== undefined && runsAsErrand(job)) names.push(name);
    }
  }
  return [...new Set(names)];
}

/** By its spec, which is job.MF: `bin/run`, or what Windows runs in its place. */
function runsAsErrand({ spec }: ReleaseJob): boolean {
  const templates = Object.values(spec['templates'] ?? {}) as unknown[]; // a map of paths, checked at the upload
  return templates.includes('bin/run') || templates.includes('bin/run.ps1');
}
