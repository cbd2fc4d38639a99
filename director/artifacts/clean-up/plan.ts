import type { BlobId } from '../../../common/ids.ts';
import { compareVersions } from '../../../common/version.ts';
import { parseRuntimeConfig } from '../../../manifests/parse/runtime-config.ts';
import { readYaml } from '../../../manifests/yaml.ts';
import { sameStemcellLine } from '../../../stemcells/stemcell-version.ts';
import type { Blobstore } from '../../blobs/blobstore.ts';
import type { OrphanedDisk, OrphanedVm } from '../../store/instances.ts';
import type { CompiledPackage } from '../../store/releases.ts';
import type { StemcellInUse } from '../../store/stemcells.ts';
import type { Store } from '../../store/store.ts';
import type { CleanUpArgs } from '../args.ts';

/** What nobody needs. Looked at alone it is `bosh clean-up --dry-run`. */
export interface CleanUpPlan {
  releases: Array<{ name: string; versions: string[] }>;
  stemcells: StemcellInUse[];
  compiledPackages: Array<CompiledPackage & { name: string }>;
  orphanedDisks: OrphanedDisk[];
  /** Without those of which no cid is known: nobody can delete them but by hand. */
  orphanedVms: OrphanedVm[];
  exportedReleases: BlobId[];
}

/** Of each release and stemcell, besides those in use, so that going back one deploy needs no upload. As BOSH. */
const unusedKept = 2;

export async function planCleanUp(
  store: Store,
  blobs: Pick<Blobstore, 'size'>,
  { removeAll, keepOrphanedDisks }: CleanUpArgs,
): Promise<CleanUpPlan> {
  const kept = removeAll ? 0 : unusedKept;
  const stemcells = unusedStemcells(await store.stemcells.list(), kept);
  return {
    releases: await unusedReleases(store, kept),
    stemcells,
    compiledPackages: removeAll ? await strandedPackages(store, stemcells) : [],
    orphanedDisks: removeAll && !keepOrphanedDisks ? await store.instances.orphanedDisks() : [],
    orphanedVms: removeAll ? (await store.instances.orphanedVms()).filter(({ cid }) => cid !== null) : [],
    exportedReleases: await exportedReleases(store, blobs),
  };
}

async function unusedReleases(store: Store, kept: number): Promise<CleanUpPlan['releases']> {
  const named = await releasesOfRuntimeConfigs(store);
  const all = await store.releases.list();
  return all.flatMap(({ name, versions }) => {
    const unused = versions.filter((each) => !each.currentlyDeployed && !named.has(`${name}/${each.version}`));
    const deleted = unused.slice(0, Math.max(0, unused.length - kept)).map((each) => each.version);
    return deleted.length === 0 ? [] : [{ name, versions: deleted }];
  });
}

/** The next deploy of whatever deployment may need them. */
async function releasesOfRuntimeConfigs(store: Store): Promise<Set<string>> {
  const configs = await store.configs.currentOf('runtime', 'all');
  const names = configs.flatMap(({ content }) => {
    const { releases } = parseRuntimeConfig(readYaml(content, 'runtime config')).value;
    return releases.map(({ name, version }) => `${name}/${version}`);
  });
  return new Set(names);
}

function unusedStemcells(all: readonly StemcellInUse[], kept: number): StemcellInUse[] {
  const byName = new Map<string, StemcellInUse[]>();
  for (const stemcell of all) {
    if (stemcell.deployments.length > 0) continue;
    byName.set(stemcell.name, [...(byName.get(stemcell.name) ?? []), stemcell]);
  }
  return [...byName.values()].flatMap((list) => {
    const oldestFirst = list.sort((a, b) => compareVersions(a.version, b.version));
    return oldestFirst.slice(0, Math.max(0, oldestFirst.length - kept));
  });
}

/** Compiled for stemcells of which none is left: nothing will run them. */
async function strandedPackages(store: Store, deleted: readonly StemcellInUse[]) {
  const gone = new Set(deleted.map((stemcell) => stemcell.id));
  const left = (await store.stemcells.list()).filter((stemcell) => !gone.has(stemcell.id));
  const compiled = await store.releases.allCompiled();
  return compiled.filter((each) => isStranded(each, left));
}

export function isStranded(
  { stemcellOs, stemcellVersion }: CompiledPackage,
  stemcells: readonly StemcellInUse[],
): boolean {
  return !stemcells.some(
    (stemcell) => stemcell.operatingSystem === stemcellOs && sameStemcellLine(stemcellVersion, stemcell.version),
  );
}

const resultBytesMax = 64 * 1024;

/** Results of export tasks that nobody has deleted yet: whoever asked for one has fetched it long since. */
async function exportedReleases(store: Store, blobs: Pick<Blobstore, 'size'>): Promise<BlobId[]> {
  const found: BlobId[] = [];
  for (const { id } of await store.tasks.list({ types: ['export_release'], states: ['done'] })) {
    const output = await store.tasks.output(id, 'result', { from: 0, bytesMax: resultBytesMax });
    const [, blobId] = /"blobstore_id":"([^"]+)"/.exec(output?.bytes.toString('utf8') ?? '') ?? [];
    if (blobId !== undefined && (await blobs.size(blobId as BlobId)) !== undefined) found.push(blobId as BlobId); // we wrote it
  }
  return found;
}
