import { OperatorError } from '../../common/errors.ts';
import type { BlobId } from '../../common/ids.ts';
import { compareVersions } from '../../common/version.ts';
import type { Blobstore } from '../blobs/blobstore.ts';
import type { ReleaseListing } from '../store/releases.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import type { DeleteReleaseArgs } from './args.ts';
import type { ArtifactDeps } from './deps.ts';
import { releaseNotFound, releaseVersionNotFound } from './errors.ts';
import { releaseLock, releaseLockWaitMs } from './locks.ts';

/** `bosh delete-release`: one version or all; what other versions need stays. */
export function deleteRelease(deps: ArtifactDeps): TaskHandler {
  return (task) => {
    const { name, version } = task.task.args as DeleteReleaseArgs; // the API has checked it
    return task.withLock(releaseLock(name), releaseLockWaitMs, async () => {
      const listing = await task.store.releases.listing(name);
      if (listing === undefined) {
        if (task.task.attempts > 1) return `/release/${name}`; // an earlier attempt has deleted it
        throw releaseNotFound(name);
      }
      const versions = version === null ? listing.versions.map((each) => each.version) : [find(listing, version)];
      await refuseInUse(task, name, version === null ? null : (versions[0] ?? version), versions);
      for (const one of versions) await deleteVersion(deps.blobs, task, { name, version: one });
      return `/release/${name}`;
    });
  };
}

/** Rows first: a blob that is left when we are killed in between is litter, a row without its blob would be damage. */
export async function deleteVersion(
  blobs: Blobstore,
  task: TaskContext,
  { name, version }: { name: string; version: string },
): Promise<void> {
  const contents = await task.store.releases.contents(name, version);
  const unused = await task.store.releases.deleteVersion(name, version);
  const gone = new Set<BlobId>(unused);
  const packages = (contents?.packages ?? []).filter(({ blobId }) => blobId === null || gone.has(blobId));
  const jobs = (contents?.jobs ?? []).filter(({ blobId }) => gone.has(blobId));

  const packageStage = task.events.stage('Deleting packages', packages.length);
  for (const each of packages) {
    await packageStage.task(`${each.name}/${each.version}`, () => deleteBlob(each.blobId));
  }
  const jobStage = task.events.stage('Deleting jobs', jobs.length);
  for (const each of jobs) await jobStage.task(`${each.name}/${each.version}`, () => deleteBlob(each.blobId));
  for (const blobId of gone) await blobs.delete(blobId); // compiled packages

  async function deleteBlob(blobId: BlobId | null): Promise<void> {
    if (blobId === null) return;
    gone.delete(blobId);
    await blobs.delete(blobId);
  }
}

/** @throws OperatorError `release-version-not-found` */
function find({ name, versions }: ReleaseListing, wanted: string): string {
  const found = versions.find(({ version }) => version === wanted || compareVersions(version, wanted) === 0);
  if (found === undefined) throw releaseVersionNotFound(name, wanted);
  return found.version;
}

async function refuseInUse(task: TaskContext, name: string, version: string | null, versions: readonly string[]) {
  const users = new Set<string>();
  for (const each of versions) for (const user of await task.store.releases.usedBy(name, each)) users.add(user);
  if (users.size === 0) return;
  const what = version === null ? `Release '${name}'` : `ReleaseVersion '${name}/${version}'`;
  throw new OperatorError(`${what} is still in use by: ${[...users].sort().join(', ')}`, {
    code: version === null ? 'release-in-use' : 'release-version-in-use',
    hint: 'Deploy them with another version, or delete them, first.',
    details: { name, version, deployments: [...users].sort() },
  });
}
