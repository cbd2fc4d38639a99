import { messageOf } from '../../../common/errors.ts';
import type { BlobId } from '../../../common/ids.ts';
import { latestOf } from '../../../common/version.ts';
import { dependencyKey } from '../../../releases/dependency-key.ts';
import type { ReleasePart } from '../../../releases/read-release.ts';
import type { ReleaseManifest } from '../../../releases/release-manifest.ts';
import { rebasedVersion } from '../../../releases/release-version.ts';
import type { Blobstore } from '../../blobs/blobstore.ts';
import type { ReleasePackage, ReleaseVersion } from '../../store/releases.ts';
import type { Stage, TaskContext } from '../../tasks/task-context.ts';
import { dependencyKeyMismatch } from '../errors.ts';
import { isFinal, type ArtifactFile } from '../spool.ts';
import {
  checkSameRelease,
  commitOf,
  packageHere,
  planCompiled,
  planJobs,
  planPackages,
  type BlobRef,
  type Fate,
  type Found,
  type PlannedCompiled,
  type PlannedJob,
  type PlannedPackage,
} from './plan-upload.ts';
import { deleteUnused, processExisting, RecordParts, single } from './record-parts.ts';
import { partKey, storeParts, type StoredParts } from './stored-parts.ts';

/** What the upload of one release decided, before the tarball is read. */
interface Plan {
  jobs: PlannedJob[];
  /** Of a source release; empty otherwise. */
  packages: PlannedPackage[];
  /** Of a compiled release; empty otherwise. */
  compiled: PlannedCompiled[];
}

export interface UploadOptions {
  manifest: ReleaseManifest;
  file: ArtifactFile;
  rebase: boolean;
  fix: boolean;
}

/**
 * Brings a release from its tarball into the store, while the task holds the release's lock.
 *
 * INVARIANTS
 * - A row never names a blob that isn't whole: blobs come first.
 * - Running it again, after a kill anywhere, ends the same: what is there is kept, what is missing is taken from the
 *   tarball. The version counts as complete only at the end.
 */
export class ReleaseUpload {
  readonly #blobs: Blobstore;
  readonly #task: TaskContext;
  readonly #options: UploadOptions;
  readonly #stored: BlobId[] = [];

  constructor(blobs: Blobstore, task: TaskContext, options: UploadOptions) {
    this.#blobs = blobs;
    this.#task = task;
    this.#options = options;
  }

  /** @returns the version, which --rebase chose */
  async run(): Promise<string> {
    const { manifest } = this.#options;
    const { releases } = this.#task.store;
    const version = await this.#chooseVersion();
    const existing = await releases.contents(manifest.name, version);
    if (existing !== undefined) checkSameRelease(manifest, existing);
    const release = await releases.begin({ name: manifest.name, version, ...commitOf(manifest) });
    try {
      await this.#bringIn(release);
    } catch (thrown) {
      if (isFinal(this.#task, thrown)) await this.#undo(release);
      throw thrown;
    }
    return version;
  }

  async #bringIn(release: ReleaseVersion): Promise<void> {
    const { manifest } = this.#options;
    const found = await this.#find();
    await single(this.#task, 'Resolving package dependencies', async () => {}); // reading the manifest saw to that
    const plan: Plan = {
      jobs: planJobs(manifest, found, this.#options.fix),
      packages: manifest.compiled ? [] : planPackages(manifest, found, this.#options.fix),
      compiled: manifest.compiled ? await this.#planCompiled(release, found) : [],
    };
    await this.#tieExisting(release, plan);
    const stored = await this.#store(plan);
    const record = new RecordParts(this.#blobs, this.#task, release, stored);
    await record.packages(plan.packages);
    await record.compiled(plan.compiled);
    await record.jobs(plan.jobs);

    const stage = manifest.compiled ? 'Compiled Release has been created' : 'Release has been created';
    await this.#task.events.stage(stage, 1).task(`${release.name}/${release.version}`, async () => {
      await this.#task.store.releases.complete(release.id);
    });
  }

  /** Half a version is of no use to anybody: deploys refuse it, and people would take it for a whole one. */
  async #undo({ name, version, complete }: ReleaseVersion): Promise<void> {
    try {
      const unused = complete ? [] : await this.#task.store.releases.deleteVersion(name, version);
      await deleteUnused([...unused, ...this.#stored], this.#task.store.releases, this.#blobs);
    } catch (thrown) {
      // Why the upload failed counts more; what is left is not listed, and clean-up finds it.
      this.#task.debug(`release ${name}/${version} was not removed: ${messageOf(thrown)}`);
    }
  }

  /** With --rebase the next dev version; one that broke off is taken up again instead of making another. */
  async #chooseVersion(): Promise<string> {
    const { manifest, rebase } = this.#options;
    if (!rebase) return manifest.version;
    const versions = (await this.#task.store.releases.listing(manifest.name))?.versions ?? [];
    const newest = latestOf(versions.map((each) => each.version));
    const brokenOff = versions.find((each) => each.version === newest && !each.complete);
    return (
      brokenOff?.version ??
      rebasedVersion(
        manifest.version,
        versions.map((each) => each.version),
      )
    );
  }

  async #find(): Promise<Found> {
    const { manifest } = this.#options;
    const { releases } = this.#task.store;
    const packages = manifest.compiled ? manifest.compiledPackages : manifest.packages;
    const fingerprints = packages.map((each) => each.fingerprint);
    const own = await releases.withFingerprints(manifest.name, [
      ...fingerprints,
      ...manifest.jobs.map((job) => job.fingerprint),
    ]);
    return { ...own, withSource: await releases.packagesWithSource(fingerprints) };
  }

  /** Packages of a compiled release have rows of their own, without source, on which the compiled ones hang. */
  async #planCompiled(release: ReleaseVersion, found: Found): Promise<PlannedCompiled[]> {
    const { manifest, fix } = this.#options;
    const { releases } = this.#task.store;
    const refs = manifest.compiledPackages;
    const fresh = refs.filter((ref) => packageHere(ref, found) === null);
    const rows = new Map<string, ReleasePackage>();
    const add = async (ref: (typeof refs)[number]) => {
      const { name, version, fingerprint, dependencies } = ref;
      const pkg = { name, version, fingerprint, dependencies: [...dependencies], blobId: null, digest: null };
      rows.set(name, await releases.addPackage(release.id, pkg));
    };
    const stage = this.#task.events.stage('Creating new packages', fresh.length);
    for (const ref of fresh) await stage.task(`${ref.name}/${ref.version}`, () => add(ref));
    await processExisting(this.#task, 'package', refs.length - fresh.length, async () => {
      for (const ref of refs) if (!fresh.includes(ref)) await add(ref);
    });

    const all = (await releases.contents(release.name, release.version))?.packages ?? [];
    const compiled = {
      own: await releases.compiledFor([...rows.values()].map((row) => row.id)),
      any: await releases.compiledByFingerprint(refs.map((ref) => ref.fingerprint)),
    };
    return refs.map((ref) => {
      const key = dependencyKey(ref.name, all);
      if (key !== dependencyKey(ref.name, refs)) {
        throw dependencyKeyMismatch(ref.name, `${release.name}/${release.version}`);
      }
      const packageId = rows.get(ref.name)?.id;
      if (packageId === undefined) throw new Error(`package ${ref.name} was not added`);
      return planCompiled(ref, { packageId, dependencyKey: key }, compiled, fix);
    });
  }

  /** What the release has already, in another version of it, needs no more than to be tied to this one. */
  async #tieExisting(release: ReleaseVersion, { packages }: Plan): Promise<void> {
    const kept = packages.filter(({ fate }) => fate.kind === 'keep');
    await processExisting(this.#task, 'package', kept.length, async () => {
      for (const { here } of kept) if (here !== null) await this.#task.store.releases.addPackage(release.id, here);
    });
  }

  /** The one pass over the tarball. */
  async #store(plan: Plan): Promise<StoredParts> {
    const { file, manifest } = this.#options;
    const { events } = this.#task;
    const toStore = new Map<string, string>([
      ...wanted(plan.packages, 'package', ({ ref }) => `${ref.name}/${ref.version}`),
      ...wanted(plan.compiled, 'compiled-package', ({ ref }) => `${ref.name}/${ref.version} for ${ref.stemcell}`),
      ...wanted(plan.jobs, 'job', ({ ref }) => `${ref.name}/${ref.version}`),
    ]);
    const count = (planned: ReadonlyArray<{ here: unknown; fate: Fate }>) =>
      planned.filter(({ here, fate }) => here === null || fate.kind === 'copy').length;
    const stages: Partial<Record<ReleasePart['kind'], Stage>> = {
      package: events.stage('Creating new packages', count(plan.packages)),
      'compiled-package': events.stage('Creating new compiled packages', plan.compiled.length),
      job: events.stage('Creating new jobs', count(plan.jobs)),
    };
    const copied = await this.#copy(plan, stages);
    const stored = await storeParts(this.#blobs, {
      path: file.path,
      workDir: file.workDir,
      what: `release ${manifest.name}/${manifest.version}`,
      checkpoint: () => this.#task.checkpoint(),
      wants: (part) => toStore.has(partKey(part.kind, part.name)),
      around: (part, store) => {
        const stage = stages[part.kind];
        const task = toStore.get(partKey(part.kind, part.name));
        if (stage === undefined || task === undefined || this.#isHere(plan, part)) return store();
        return stage.task(task, store);
      },
    });
    this.#stored.push(...[...stored.blobs.values()].map(({ blobId }) => blobId));
    return { ...stored, blobs: new Map([...copied, ...stored.blobs]) };
  }

  async #copy(plan: Plan, stages: Partial<Record<ReleasePart['kind'], Stage>>): Promise<Map<string, BlobRef>> {
    const copies = new Map<string, BlobRef>();
    const copy = async (kind: ReleasePart['kind'], ref: { name: string }, fate: Fate, line: string) => {
      if (fate.kind !== 'copy') return;
      const { blobId, digest } = fate.blob;
      await stages[kind]?.task(line, async () => {
        this.#task.checkpoint();
        const { blobId: own } = await this.#blobs.put(await this.#blobs.get(blobId));
        this.#stored.push(own);
        copies.set(partKey(kind, ref.name), { blobId: own, digest });
      });
    };
    for (const { ref, fate } of plan.packages) await copy('package', ref, fate, `${ref.name}/${ref.version}`);
    for (const { ref, fate } of plan.compiled) {
      await copy('compiled-package', ref, fate, `${ref.name}/${ref.version} for ${ref.stemcell}`);
    }
    return copies;
  }

  #isHere(plan: Plan, { kind, name }: ReleasePart): boolean {
    const lists = { job: plan.jobs, package: plan.packages, 'compiled-package': plan.compiled, license: [] };
    const planned = lists[kind].find(({ ref }) => ref.name === name);
    return planned !== undefined && planned.here !== null;
  }
}

function wanted<P extends { ref: { name: string }; fate: Fate }>(
  planned: readonly P[],
  kind: ReleasePart['kind'],
  describe: (planned: P) => string,
): Array<[string, string]> {
  return planned
    .filter(({ fate }) => fate.kind === 'store')
    .map((each) => [partKey(kind, each.ref.name), describe(each)]);
}
