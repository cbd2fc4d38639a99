import { id, type BlobId } from '../../../common/ids.ts';
import type { JobReference } from '../../../manifests/instance-group.ts';
import type { YamlMap } from '../../../manifests/value.ts';
import { copyNumerals } from '../../../manifests/yaml/numerals.ts';
import type { WantedJob, WantedStemcell } from '../../../director/plan/wanted.ts';

/**
 * What every release of the planner's tests holds: `web` (uses the database's link if there is one), `db` (provides
 * it), `worker` (cannot do without it) and `smoke`. Each job has one package of its name. Both change with the
 * release's version, as if every version had touched everything.
 */
const jobSpecs: Readonly<Record<string, Record<string, unknown>>> = {
  web: { consumes: [{ name: 'db', type: 'db', optional: true }] },
  db: { provides: [{ name: 'db', type: 'db', properties: ['port'] }] },
  worker: { consumes: [{ name: 'db', type: 'db' }] },
  smoke: {},
};

export function isJob(name: string): boolean {
  return Object.hasOwn(jobSpecs, name);
}

export function wantedJob(reference: JobReference, version: string): WantedJob {
  const { name } = reference;
  const spec = jobSpecs[name];
  if (spec === undefined) throw new Error(`the planner's test releases have no job "${name}"`);
  return {
    name,
    release: { name: reference.release, version },
    job: {
      id: 0,
      name,
      version: `${name}-${version}`,
      fingerprint: `${name}-${version}`,
      blobId: id<BlobId>(`blob-${name}-${version}`),
      digest: `sha1-${name}-${version}`,
      packages: [name],
      spec,
    },
    packages: new Map(),
    properties: properties(reference),
    givenProperties: reference.properties,
    provides: reference.provides,
    consumes: reference.consumes,
    customProviders: reference.customProviders,
  };
}

function properties({ name, properties: given }: JobReference): YamlMap {
  if (name !== 'db') return given;
  const all = { port: 5432, ...given };
  copyNumerals(given, all);
  return all;
}

export function packageRefs(jobs: readonly WantedJob[]) {
  return Object.fromEntries(
    jobs.map(({ name, release: { version } }) => [
      name,
      { name, version: `${name}-${version}.1`, sha1: `sha1-${name}-${version}`, blobstore_id: `blob-${name}` },
    ]),
  );
}

export function stemcell(version: string): WantedStemcell {
  return { name: 'tiny', version, os: 'tiny-os', cid: id(`stemcell-${version}`), apiVersion: 3 };
}
