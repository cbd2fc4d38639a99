import type { Instance } from '../store/instances.ts';
import type { Store } from '../store/store.ts';
import type { Resolved } from './resolve.ts';

type Used = Pick<Resolved, 'releases' | 'stemcells'>;

/**
 * Of what the deployment used before: what the instances need that a deploy has left as they were, which are ignored
 * ones and those that are stopped. They can be made again as they are only while it is there.
 */
export async function stillUsed(name: string, now: Used, store: Store): Promise<Used> {
  const before = await store.deployments.get(name);
  const releases = missingIn(now.releases, before?.releases ?? []);
  const stemcells = missingIn(now.stemcells, before?.stemcells ?? []);
  if (releases.length + stemcells.length === 0) return { releases, stemcells };
  const left = (await store.instances.ofDeployment(name)).filter(({ ignore, state }) => ignore || state !== 'started');
  return {
    releases: await releasesOf(left, releases, store),
    stemcells: stemcells.filter((each) => left.some(({ spec }) => isSame(usedIn(spec).stemcell, each))),
  };
}

/** A spec tells jobs by their fingerprints: of whatever release has one, enough is kept. */
async function releasesOf(instances: readonly Instance[], releases: Used['releases'], store: Store) {
  const jobs = new Set(instances.flatMap(({ spec }) => usedIn(spec).jobs).map(jobKey));
  const used: Used['releases'] = [];
  for (const release of releases) {
    const contents = await store.releases.contents(release.name, release.version);
    if (contents?.jobs.some((job) => jobs.has(jobKey(job))) === true) used.push(release);
  }
  return used;
}

interface Version {
  name: string;
  version: string;
}

/**
 * Of a spec that baseSpec made; null: the instance was never updated.
 * @throws Error when it does not tell: to let go of what it may need would be worse
 */
export function usedIn(spec: Instance['spec']): { stemcell?: Version; jobs: readonly Version[] } {
  if (spec === null) return { jobs: [] };
  const { stemcell, job } = spec;
  const jobs = job === null ? [] : isObject(job) ? job['templates'] : undefined;
  if (isVersion(stemcell) && Array.isArray(jobs) && jobs.every(isVersion)) return { stemcell, jobs };
  throw new Error(`the spec of instance ${String(spec['id'])} does not tell which stemcell and jobs it was made with`);
}

function isVersion(value: unknown): value is Version {
  return isObject(value) && typeof value['name'] === 'string' && typeof value['version'] === 'string';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

const jobKey = ({ name, version }: Version) => `${name}/${version}`;
const isSame = (a: Version | undefined, b: Version) => a?.name === b.name && a.version === b.version;

function missingIn(list: readonly Version[], candidates: readonly Version[]): Version[] {
  return candidates.filter((each) => !list.some((other) => isSame(other, each)));
}
