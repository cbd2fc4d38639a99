import type { BlobId } from '../../../common/ids.ts';
import type { JobSpec } from '../../../releases/job-spec.ts';
import type { Blobstore } from '../../blobs/blobstore.ts';
import type { Releases, ReleaseVersion } from '../../store/releases.ts';
import type { TaskContext } from '../../tasks/task-context.ts';
import { partMissing } from '../errors.ts';
import type { BlobRef, Fate, PlannedCompiled, PlannedJob, PlannedPackage } from './plan-upload.ts';
import { jsonOf } from './spec-json.ts';
import { partKey, type StoredParts } from './stored-parts.ts';

/** Writes down the parts of one release version, whose blobs are all stored. Repeatable: what is written stays so. */
export class RecordParts {
  readonly #blobs: Blobstore;
  readonly #task: TaskContext;
  readonly #release: ReleaseVersion;
  readonly #stored: StoredParts;

  constructor(blobs: Blobstore, task: TaskContext, release: ReleaseVersion, stored: StoredParts) {
    this.#blobs = blobs;
    this.#task = task;
    this.#release = release;
    this.#stored = stored;
  }

  async packages(packages: readonly PlannedPackage[]): Promise<void> {
    const { releases } = this.#task.store;
    const filled = packages.filter(({ here, fate }) => here !== null && fate.kind !== 'keep');
    for (const planned of packages) {
      const { ref, here, fate } = planned;
      if (fate.kind === 'keep') continue;
      const blob = this.#blobFor(fate, this.#stored.blobs.get(partKey('package', ref.name)), `package '${ref.name}'`);
      const { name, version, fingerprint } = ref;
      const row = { name, version, fingerprint, dependencies: [...ref.dependencies], ...blob };
      const { id, blobId } = await releases.addPackage(this.#release.id, row);
      if (blobId !== blob.blobId) await releases.setPackageBlob(id, blob);
      if (here === null || fate.kind !== 'store' || fate.replaces === null) continue;
      // What was compiled from the old bits may be as wrong as they were.
      const compiled = await releases.deleteCompiledOf(id);
      await deleteUnused([fate.replaces.blobId, ...compiled], releases, this.#blobs);
    }
    await processExisting(this.#task, 'package', filled.length, async () => {});
  }

  async compiled(compiled: readonly PlannedCompiled[]): Promise<void> {
    const { releases } = this.#task.store;
    for (const { ref, fate, here, packageId, stemcellOs, stemcellVersion, dependencyKey: key } of compiled) {
      if (fate.kind === 'keep') continue;
      const own = this.#stored.blobs.get(partKey('compiled-package', ref.name));
      const blob = this.#blobFor(fate, own, `compiled package '${ref.name}'`);
      if (here === null) {
        await releases.addCompiled({ packageId, stemcellOs, stemcellVersion, dependencyKey: key, ...blob });
        continue;
      }
      await releases.setCompiledBlob(here.id, blob);
      await deleteUnused([here.blobId], releases, this.#blobs);
    }
  }

  async jobs(jobs: readonly PlannedJob[]): Promise<void> {
    const { releases } = this.#task.store;
    const existing = jobs.filter(({ here }) => here !== null);
    for (const { ref, here, fate } of jobs) {
      if (here !== null) continue;
      const blob = this.#blobFor(fate, this.#stored.blobs.get(partKey('job', ref.name)), `job '${ref.name}'`);
      const spec = this.#stored.specs.get(ref.name);
      if (spec === undefined) throw new Error(`job ${ref.name} was stored and not read`);
      await releases.addJob(this.#release.id, { ...jobRow(ref, spec), ...blob });
    }
    await processExisting(this.#task, 'job', existing.length, async () => {
      for (const { ref, here, fate } of existing) {
        if (here === null) continue; // filtered above
        await releases.addJob(this.#release.id, here);
        if (fate.kind !== 'store') continue;
        const own = this.#stored.blobs.get(partKey('job', ref.name));
        await releases.setJobBlob(here.id, this.#blobFor(fate, own, `job '${ref.name}'`));
        await deleteUnused([here.blobId], releases, this.#blobs);
      }
    });
  }

  /** @throws OperatorError `package-invalid-archive` */
  #blobFor(fate: Fate, stored: BlobRef | undefined, what: string): BlobRef {
    if (fate.kind === 'keep') return fate.blob;
    if (stored === undefined) throw partMissing(what, `${this.#release.name}/${this.#release.version}`);
    return stored;
  }
}

export async function deleteUnused(blobIds: readonly BlobId[], releases: Releases, blobs: Blobstore) {
  for (const blobId of blobIds) if (!(await releases.blobExists(blobId))) await blobs.delete(blobId);
}

/** A stage of its own for parts that are there already, as BOSH shows them. */
export async function processExisting(
  task: TaskContext,
  kind: 'job' | 'package',
  count: number,
  work: () => Promise<void>,
): Promise<void> {
  if (count > 0) await single(task, `Processing ${count} existing ${kind}${count > 1 ? 's' : ''}`, work);
}

export function single(task: TaskContext, name: string, work: () => Promise<void>): Promise<void> {
  return task.events.stage(name, 1).task(name, work);
}

function jobRow(ref: PlannedJob['ref'], spec: JobSpec) {
  return {
    name: ref.name,
    version: ref.version,
    fingerprint: ref.fingerprint,
    packages: [...spec.packages],
    spec: jsonOf(spec.raw),
  };
}
