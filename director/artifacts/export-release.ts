import type { Readable } from 'node:stream';
import { OperatorError } from '../../common/errors.ts';
import type { BlobId } from '../../common/ids.ts';
import { dependencyKey } from '../../releases/dependency-key.ts';
import {
  exportRelease as packRelease,
  selectJobs,
  type CompiledReleaseJob,
  type CompiledReleasePackage,
} from '../../releases/export-release.ts';
import type { PartBytes } from '../../releases/write-release.ts';
import type { Blobstore } from '../blobs/blobstore.ts';
import type { CompiledPackage, ReleaseContents, ReleaseJob, ReleasePackage } from '../store/releases.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import type { ExportReleaseArgs } from './args.ts';
import type { ArtifactDeps } from './deps.ts';
import { releaseNotFound, releaseVersionNotFound } from './errors.ts';

/** Compiling under another deploy's lock would fight with it for machines. As BOSH: 15 minutes. */
const deploymentLockWaitMs = 15 * 60_000;

/** `bosh export-release`: compiles what is not compiled for a stemcell yet, and packs it all into a release. */
export function exportRelease(deps: ArtifactDeps): TaskHandler {
  return async (task) => {
    const args = task.task.args as ExportReleaseArgs; // the API has checked it
    const { deployment, release, stemcell } = args;
    await refuseUnlessDeployed(task, args);
    const contents = await contentsOf(task, release);
    await task.withLock(`lock:deployment:${deployment}`, deploymentLockWaitMs, async () => {
      const { jobs, packages } = selectJobs(contents, args.jobs);
      const names = packages.map((each) => each.name);
      await deps.compile({ deployment, release: contents.release, stemcell, packages: names }, task);
      const compiled = await compiledOf(task, contents, packages, stemcell);
      const exported = await pack(deps.blobs, task, { contents, jobs, packages, compiled, args });
      task.result(`${JSON.stringify(exported)}\n`);
    });
    return `Exported release: ${release.name}/${release.version} for ${stemcell.os}/${stemcell.version}`;
  };
}

/** @throws OperatorError `deployment-not-found` | `release-not-matching-manifest` */
async function refuseUnlessDeployed(task: TaskContext, { deployment, release }: ExportReleaseArgs): Promise<void> {
  const found = await task.store.deployments.get(deployment);
  if (found === undefined) {
    throw new OperatorError(`Deployment '${deployment}' doesn't exist`, { code: 'deployment-not-found' });
  }
  if (found.releases.some((each) => each.name === release.name && each.version === release.version)) return;
  throw new OperatorError(
    `Release version '${release.name}/${release.version}' not found in deployment '${deployment}' manifest`,
    {
      code: 'release-not-matching-manifest',
      hint: 'A release is compiled on the machines of a deployment that uses it: deploy it first.',
      details: { deployment, release },
    },
  );
}

async function contentsOf(task: TaskContext, { name, version }: { name: string; version: string }) {
  const contents = await task.store.releases.contents(name, version);
  if (contents !== undefined) return contents;
  const versions = await task.store.releases.versions(name);
  throw versions.length === 0 ? releaseNotFound(name) : releaseVersionNotFound(name, version);
}

async function compiledOf(
  task: TaskContext,
  contents: ReleaseContents,
  packages: readonly ReleasePackage[],
  stemcell: { os: string; version: string },
): Promise<Map<string, CompiledPackage>> {
  const all = await task.store.releases.compiledFor(packages.map((each) => each.id));
  return new Map(
    packages.map(({ id, name }) => {
      const key = dependencyKey(name, contents.packages);
      const found = all.find(
        (one) =>
          one.packageId === id &&
          one.dependencyKey === key &&
          one.stemcellOs === stemcell.os &&
          one.stemcellVersion === stemcell.version,
      );
      if (found !== undefined) return [name, found];
      throw new Error(`package ${name} was to be compiled for ${stemcell.os}/${stemcell.version} and is not`);
    }),
  );
}

interface Export {
  contents: ReleaseContents;
  jobs: readonly ReleaseJob[];
  packages: readonly ReleasePackage[];
  compiled: ReadonlyMap<string, CompiledPackage>;
  args: ExportReleaseArgs;
}

/** The tarball as a blob, made while it is stored: nothing of it is held or written twice. */
async function pack(blobs: Blobstore, task: TaskContext, { contents, jobs, packages, compiled, args }: Export) {
  const { release } = contents;
  const { os, version } = args.stemcell;
  const packageStage = task.events.stage('copying packages', packages.length);
  const jobStage = task.events.stage('copying jobs', jobs.length);
  const packed = {
    name: release.name,
    version: release.version,
    commitHash: release.commitHash,
    uncommittedChanges: release.uncommittedChanges,
    stemcell: `${os}/${version}`,
    packages: [] as CompiledReleasePackage[],
    jobs: [] as CompiledReleaseJob[],
  };
  for (const { name, version, fingerprint, dependencies } of packages) {
    const one = compiled.get(name);
    if (one === undefined) throw new Error(`package ${name} is not compiled`); // compiledOf has seen to that
    const bytes = await packageStage.task(`${name}/${version}`, () => blobBytes(blobs, one.blobId));
    packed.packages.push({ name, version, fingerprint, dependencies, sha1: one.digest, bytes });
  }
  for (const { name, version, fingerprint, blobId, digest, packages: needed } of jobs) {
    const bytes = await jobStage.task(`${name}/${version}`, () => blobBytes(blobs, blobId));
    packed.jobs.push({ name, version, fingerprint, packages: needed, sha1: digest, bytes });
  }
  task.checkpoint();
  const { blobId, sha1, sha256 } = await blobs.put(packRelease(packed));
  return { blobstore_id: blobId, sha1: args.sha2 ? `sha256:${sha256}` : sha1 };
}

/** @throws OperatorError `blob-not-found` */
async function blobBytes(blobs: Blobstore, blobId: BlobId): Promise<PartBytes> {
  const size = await blobs.size(blobId);
  if (size === undefined) await blobs.get(blobId); // throws, with what to do
  return { size: size ?? 0, open: () => blobs.get(blobId) as Promise<Readable & AsyncIterable<Buffer>> }; // blobs are bytes
}
