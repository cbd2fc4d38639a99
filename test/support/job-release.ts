import { entryBytes, readArchive } from '../../common/archive.ts';
import { packArchive, textEntry } from '../../common/archive-pack.ts';
import { type BlobId, id } from '../../common/ids.ts';
import type { Instance } from '../../director/store/instances.ts';
import type { Store } from '../../director/store/store.ts';
import type { MemoryBlobs } from './memory-blobs.ts';

export interface JobOf {
  properties?: Record<string, { default?: unknown }>;
  provides?: ReadonlyArray<{ name: string; type: string; properties?: string[] }>;
  consumes?: ReadonlyArray<{ name: string; type: string; optional?: boolean }>;
  /** By path below the job: `config/db.json`. */
  templates?: Record<string, string>;
}

interface Where {
  store: Store;
  blobs: MemoryBlobs;
}

/** A release of jobs without packages, as if uploaded. */
export async function uploadJobs(
  { store, blobs }: Where,
  { name, version = '1', jobs }: { name: string; version?: string; jobs: Readonly<Record<string, JobOf>> },
): Promise<void> {
  const release = await store.releases.begin({ name, version, commitHash: 'abc', uncommittedChanges: false });
  for (const [job, { properties = {}, provides = [], consumes = [], templates = {} }] of Object.entries(jobs)) {
    const sources = Object.keys(templates).map((path) => [path.replaceAll('/', '_'), path] as const);
    const spec = { name: job, templates: Object.fromEntries(sources), packages: [], properties, provides, consumes };
    const archive = await blobs.put(
      packArchive([
        textEntry('job.MF', JSON.stringify(spec)),
        textEntry('monit', ''),
        ...sources.map(([source, path]) => textEntry(`templates/${source}`, templates[path] ?? '')),
      ]),
    );
    await store.releases.addJob(release.id, {
      name: job,
      version: `${job}-${version}`,
      fingerprint: `${job}-${version}`,
      blobId: archive.blobId,
      digest: archive.sha1,
      packages: [],
      spec,
    });
  }
  await store.releases.complete(release.id);
}

/** A file of a job as it was last rendered for this instance. */
export async function renderedFile({ blobs }: Where, instance: Instance, path: string): Promise<string | undefined> {
  const archive = instance.spec?.['rendered_templates_archive'] as { blobstore_id: string } | undefined; // the deploy wrote it
  if (archive === undefined) return undefined;
  const what = `templates of ${instance.id}`;
  for await (const entry of readArchive(await blobs.get(id<BlobId>(archive.blobstore_id)), { what }))
    if (entry.path === path) return (await entryBytes(entry, what, 1_000_000)).toString();
  return undefined;
}
