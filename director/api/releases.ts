import { Router } from 'express';
import { compareVersions, parseVersion } from '../../common/version.ts';
import { OperatorError } from '../../common/errors.ts';
import type { DeleteReleaseArgs, ExportReleaseArgs, UpdateReleaseArgs } from '../artifacts/args.ts';
import { releaseNotFound, releaseVersionNotFound } from '../artifacts/errors.ts';
import type { CompiledPackage, ReleaseContents, ReleaseListing } from '../store/releases.ts';
import { mediaTypes } from './contract/paths.ts';
import {
  ExportRequest,
  RemoteArtifact,
  type ReleaseDetails,
  type ReleaseSeries,
  type ReleaseSummary,
} from './contract/releases.ts';
import type { ApiDeps } from './deps.ts';
import { enqueueFor } from './enqueue.ts';
import { plainText, redirectToTask } from './http/answers.ts';
import { readJson } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';
import { pathText, queryFlag, queryText } from './http/query.ts';
import { spoolUpload } from './http/spool.ts';
import { spoolOf } from './spool-options.ts';

/** Routes under /releases. */
export function releaseRoutes(deps: ApiDeps): Router {
  const { store, tasks, requires } = deps;
  const router = Router();

  router.get('/releases', requires('read_releases'), async (_req, res) => {
    res.json(
      (await store.releases.list())
        .map(whole)
        .filter(({ versions }) => versions.length > 0)
        .map(toWire),
    );
  });

  router.get('/releases/:name', requires('read_releases'), async (req, res) => {
    const listing = whole(await find(pathText(req, 'name').trim()));
    const version = queryText(req, 'version');
    if (version === undefined) res.json(await series(listing));
    else res.json(await details(listing, version));
  });

  // The director fetches it.
  router.post('/releases', consumes(mediaTypes.json), requires('upload_releases'), async (req, res) => {
    const { location, sha1 } = await readJson(req, RemoteArtifact);
    const inQuery = queryText(req, 'sha1');
    if (sha1 && inQuery) {
      plainText(res, 400, 'Sha1 provided in multiple places');
      return;
    }
    const args: UpdateReleaseArgs = {
      source: { kind: 'remote', location, digest: sha1 ?? inQuery ?? null },
      rebase: queryFlag(req, 'rebase'),
      fix: queryFlag(req, 'fix'),
    };
    redirectToTask(res, await enqueueFor(res, tasks, { type: 'update_release', description: 'create release', args }));
  });

  router.post('/releases', consumes(mediaTypes.tarball), requires('upload_releases'), async (req, res) => {
    const path = await spoolUpload(req, spoolOf(deps));
    const args: UpdateReleaseArgs = {
      source: { kind: 'spooled', path, digest: queryText(req, 'sha1') ?? null },
      rebase: queryFlag(req, 'rebase'),
      fix: queryFlag(req, 'fix'),
    };
    redirectToTask(res, await enqueueFor(res, tasks, { type: 'update_release', description: 'create release', args }));
  });

  router.post('/releases/export', consumes(mediaTypes.json), requires('admin'), async (req, res) => {
    const wanted = await readJson(req, ExportRequest);
    const release = `${wanted.release_name}/${wanted.release_version}`;
    const stemcell = `${wanted.stemcell_os}/${wanted.stemcell_version}`;
    const deployment = await store.deployments.get(wanted.deployment_name);
    const args: ExportReleaseArgs = {
      deployment: wanted.deployment_name,
      release: { name: wanted.release_name, version: wanted.release_version },
      stemcell: { os: wanted.stemcell_os, version: wanted.stemcell_version },
      sha2: wanted.sha2 ?? false,
      jobs: (wanted.jobs ?? []).map((job) => job.name),
    };
    const task = { type: 'export_release', description: `export release: '${release}' for '${stemcell}'`, args };
    redirectToTask(res, await enqueueFor(res, tasks, deployment === undefined ? task : { ...task, deployment }));
  });

  router.delete('/releases/:name', requires('admin'), async (req, res) => {
    const { name } = await find(pathText(req, 'name'));
    const version = queryText(req, 'version') ?? null;
    const args: DeleteReleaseArgs = { name, version, force: queryFlag(req, 'force') };
    const description = `delete release: ${version === null ? name : `${name}/${version}`}`;
    redirectToTask(res, await enqueueFor(res, tasks, { type: 'delete_release', description, args }));
  });

  return router;

  async function find(name: string): Promise<ReleaseListing> {
    const listing = await store.releases.listing(name);
    if (listing === undefined) throw releaseNotFound(name);
    return listing;
  }

  async function details({ name, versions }: ReleaseListing, given: string): Promise<ReleaseDetails> {
    const normal = parseVersion(given);
    if (normal === undefined) {
      throw new OperatorError(`Release version invalid: ${given}`, { code: 'release-version-invalid' });
    }
    const version = versions.find((each) => each.version === given || each.version === normal.text)?.version;
    const contents = version === undefined ? undefined : await store.releases.contents(name, version);
    if (contents === undefined) throw releaseVersionNotFound(name, given);
    const compiled = await store.releases.compiledFor(contents.packages.map((each) => each.id));
    return detailsToWire(contents, compiled);
  }

  /** Everything that any version holds, each thing once. */
  async function series({ name, versions }: ReleaseListing): Promise<ReleaseSeries> {
    const packages = new Map<number, ReleaseSeries['packages'][number]>();
    const jobs = new Map<number, ReleaseSeries['jobs'][number]>();
    for (const { version } of versions) {
      const contents = await store.releases.contents(name, version);
      for (const { id, digest, dependencies, ...each } of contents?.packages ?? []) {
        packages.set(id, { name: each.name, sha1: digest, version: each.version, dependencies });
      }
      for (const { id, digest, ...each } of contents?.jobs ?? []) {
        jobs.set(id, { name: each.name, sha1: digest, version: each.version, packages: each.packages });
      }
    }
    return {
      packages: [...packages.values()],
      jobs: [...jobs.values()],
      versions: versions.map((each) => each.version),
    };
  }
}

/**
 * Without versions whose upload is under way: they can't be deployed, and the bosh CLI skips the upload of a version
 * that is listed.
 */
function whole({ name, versions }: ReleaseListing): ReleaseListing {
  return { name, versions: versions.filter(({ complete }) => complete) };
}

function toWire({ name, versions }: ReleaseListing): ReleaseSummary {
  return {
    name,
    release_versions: versions.map((each) => ({
      version: each.version,
      commit_hash: each.commitHash,
      uncommitted_changes: each.uncommittedChanges,
      currently_deployed: each.currentlyDeployed,
      job_names: each.jobNames,
    })),
  };
}

function detailsToWire({ jobs, packages }: ReleaseContents, compiled: readonly CompiledPackage[]): ReleaseDetails {
  return {
    jobs: jobs.toSorted(byName).map((job) => ({
      name: job.name,
      blobstore_id: job.blobId,
      sha1: job.digest,
      fingerprint: job.fingerprint,
      consumes: linksOf(job.spec['consumes']),
      provides: linksOf(job.spec['provides']),
    })),
    packages: packages.toSorted(byName).map((each) => ({
      name: each.name,
      blobstore_id: each.blobId,
      sha1: each.digest,
      fingerprint: each.fingerprint,
      compiled_packages: compiled
        .filter((one) => one.packageId === each.id)
        .sort(byStemcell)
        .map((one) => ({
          stemcell: `${one.stemcellOs}/${one.stemcellVersion}`,
          sha1: one.digest,
          blobstore_id: one.blobId,
        })),
    })),
  };
}

const linksOf = (links: unknown) => (Array.isArray(links) ? (links as unknown[]) : null);
const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

function byStemcell(a: CompiledPackage, b: CompiledPackage): number {
  if (a.stemcellOs !== b.stemcellOs) return a.stemcellOs < b.stemcellOs ? -1 : 1;
  return compareVersions(a.stemcellVersion, b.stemcellVersion);
}
