import { compareVersions } from '../../../common/version.ts';
import { groupBy } from '../../../common/group-by.ts';
import type { ReleaseJob, ReleaseListing, ReleasePackage, Releases } from '../releases.ts';
import { compiledPackages } from './compiled-packages.ts';
import { blobReferenced, deleteReleaseVersion } from './delete-release.ts';
import { toReleaseJob, toReleasePackage, toReleaseVersion } from './release-rows.ts';
import { flag, toJson, valuePortions } from './rows.ts';
import type { Db, Session } from './session.ts';

export function sqlReleases(session: Session): Releases {
  return {
    ...compiledPackages(session),

    list: () => session.read((db) => listings(db)),
    listing: (name) => session.read(async (db) => (await listings(db, name))[0]),

    versions: (name) =>
      session.read(async (db) => {
        const rows = await versionsOf(db).where('releases.name', '=', name).execute();
        return rows.map((row) => row.version).sort(compareVersions);
      }),

    contents: (name, version) =>
      session.read(async (db) => {
        const row = await versionsOf(db)
          .where('releases.name', '=', name)
          .where('version', '=', version)
          .executeTakeFirst();
        if (row === undefined) return undefined;
        const jobs = await db
          .selectFrom('release_jobs')
          .innerJoin('release_version_jobs', 'job_id', 'id')
          .selectAll('release_jobs')
          .where('release_version_id', '=', row.id)
          .orderBy('name')
          .execute();
        const packages = await db
          .selectFrom('packages')
          .innerJoin('release_version_packages', 'package_id', 'id')
          .selectAll('packages')
          .where('release_version_id', '=', row.id)
          .orderBy('name')
          .execute();
        return {
          release: toReleaseVersion(row, row.name),
          jobs: jobs.map(toReleaseJob),
          packages: packages.map(toReleasePackage),
        };
      }),

    findJobs: ({ name, release, fingerprint }) =>
      session.read(async (db) => {
        let query = db
          .selectFrom('release_jobs')
          .innerJoin('releases', 'releases.id', 'release_id')
          .selectAll('release_jobs')
          .where('release_jobs.name', '=', name);
        if (release !== undefined) query = query.where('releases.name', '=', release);
        if (fingerprint !== undefined) query = query.where('fingerprint', '=', fingerprint);
        return (await query.orderBy('release_jobs.id').execute()).map(toReleaseJob);
      }),

    withFingerprints: (release, fingerprints) =>
      session.read(async (db) => {
        const found = { jobs: [] as ReleaseJob[], packages: [] as ReleasePackage[] };
        for (const portion of valuePortions(fingerprints)) {
          const jobs = await db
            .selectFrom('release_jobs')
            .innerJoin('releases', 'releases.id', 'release_id')
            .selectAll('release_jobs')
            .where('releases.name', '=', release)
            .where('fingerprint', 'in', portion)
            .execute();
          const packages = await db
            .selectFrom('packages')
            .innerJoin('releases', 'releases.id', 'release_id')
            .selectAll('packages')
            .where('releases.name', '=', release)
            .where('fingerprint', 'in', portion)
            .execute();
          found.jobs.push(...jobs.map(toReleaseJob));
          found.packages.push(...packages.map(toReleasePackage));
        }
        return found;
      }),

    begin: (version) =>
      session.write(async (db) => {
        await db
          .insertInto('releases')
          .values({ name: version.name })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .execute();
        await db
          .insertInto('release_versions')
          .columns(['release_id', 'version', 'commit_hash', 'uncommitted_changes', 'complete'])
          .expression((eb) =>
            eb
              .selectFrom('releases')
              .select([
                'id',
                eb.val(version.version).as('version'),
                eb.val(version.commitHash).as('commit_hash'),
                eb.lit(flag(version.uncommittedChanges)).as('uncommitted_changes'),
                eb.lit(flag(false)).as('complete'),
              ])
              .where('name', '=', version.name),
          )
          .onConflict((conflict) => conflict.columns(['release_id', 'version']).doNothing())
          .execute();
        const row = await versionsOf(db)
          .where('releases.name', '=', version.name)
          .where('version', '=', version.version)
          .executeTakeFirstOrThrow();
        return toReleaseVersion(row, row.name);
      }),

    complete: (releaseVersionId) =>
      session.write(async (db) => {
        await db
          .updateTable('release_versions')
          .set({ complete: flag(true) })
          .where('id', '=', releaseVersionId)
          .execute();
      }),

    addJob: (releaseVersionId, job) =>
      session.write(async (db) => {
        const release_id = await releaseOf(db, releaseVersionId);
        const row = await db
          .insertInto('release_jobs')
          .values({
            release_id,
            name: job.name,
            version: job.version,
            fingerprint: job.fingerprint,
            blob_id: job.blobId,
            digest: job.digest,
            packages: toJson(job.packages),
            spec: toJson(job.spec),
          })
          .onConflict((conflict) =>
            // changes nothing; it only makes `returning` give the existing row
            conflict
              .columns(['release_id', 'name', 'fingerprint'])
              .doUpdateSet((eb) => ({ name: eb.ref('excluded.name') })),
          )
          .returningAll()
          .executeTakeFirstOrThrow();
        await db
          .insertInto('release_version_jobs')
          .values({ release_version_id: releaseVersionId, job_id: row.id })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
        return toReleaseJob(row);
      }),

    addPackage: (releaseVersionId, pkg) =>
      session.write(async (db) => {
        const release_id = await releaseOf(db, releaseVersionId);
        const row = await db
          .insertInto('packages')
          .values({
            release_id,
            name: pkg.name,
            version: pkg.version,
            fingerprint: pkg.fingerprint,
            blob_id: pkg.blobId,
            digest: pkg.digest,
            dependencies: toJson(pkg.dependencies),
          })
          .onConflict((conflict) =>
            conflict
              .columns(['release_id', 'name', 'fingerprint'])
              .doUpdateSet((eb) => ({ name: eb.ref('excluded.name') })),
          )
          .returningAll()
          .executeTakeFirstOrThrow();
        await db
          .insertInto('release_version_packages')
          .values({ release_version_id: releaseVersionId, package_id: row.id })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
        return toReleasePackage(row);
      }),

    setJobBlob: (jobId, { blobId, digest }) =>
      session.write(async (db) => {
        await db.updateTable('release_jobs').set({ blob_id: blobId, digest }).where('id', '=', jobId).execute();
      }),

    setPackageBlob: (packageId, { blobId, digest }) =>
      session.write(async (db) => {
        await db.updateTable('packages').set({ blob_id: blobId, digest }).where('id', '=', packageId).execute();
      }),

    packagesWithSource: (fingerprints) =>
      session.read(async (db) => {
        const found = [];
        for (const portion of valuePortions(fingerprints)) {
          const rows = await db
            .selectFrom('packages')
            .selectAll()
            .where('fingerprint', 'in', portion)
            .where('blob_id', 'is not', null)
            .orderBy('id')
            .execute();
          found.push(...rows.map(toReleasePackage));
        }
        return found;
      }),

    usedBy: (name, version) =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('deployment_releases')
          .select('deployment')
          .where('name', '=', name)
          .where('version', '=', version)
          .orderBy('deployment')
          .execute();
        return rows.map((row) => row.deployment);
      }),

    deleteVersion: (name, version) => session.write((db) => deleteReleaseVersion(db, name, version)),
    blobExists: (blobId) => session.read(async (db) => (await blobReferenced(db, [blobId])).has(blobId)),
  };
}

function versionsOf(db: Db) {
  return db
    .selectFrom('release_versions')
    .innerJoin('releases', 'releases.id', 'release_id')
    .selectAll('release_versions')
    .select('releases.name');
}

async function releaseOf(db: Db, releaseVersionId: number): Promise<number> {
  const row = await db
    .selectFrom('release_versions')
    .select('release_id')
    .where('id', '=', releaseVersionId)
    .executeTakeFirst();
  if (row === undefined) throw new Error(`no release version ${releaseVersionId}`);
  return row.release_id;
}

async function listings(db: Db, name?: string): Promise<ReleaseListing[]> {
  let versions = versionsOf(db).orderBy('releases.name');
  let jobs = db
    .selectFrom('release_version_jobs')
    .innerJoin('release_jobs', 'release_jobs.id', 'job_id')
    .select(['release_version_id', 'release_jobs.name'])
    .orderBy('release_jobs.name');
  let uses = db.selectFrom('deployment_releases').select(['name', 'version']).distinct();
  if (name !== undefined) {
    versions = versions.where('releases.name', '=', name);
    jobs = jobs
      .innerJoin('releases', 'releases.id', 'release_jobs.release_id')
      .where('releases.name', '=', name) as typeof jobs; // selects the same columns
    uses = uses.where('name', '=', name);
  }
  const rows = await versions.execute();
  const jobsOf = groupBy(await jobs.execute(), (row) => row.release_version_id);
  const used = new Set((await uses.execute()).map((row) => `${row.name}\n${row.version}`));
  return [...groupBy(rows, (row) => row.name)].map(([release, ofRelease]) => ({
    name: release,
    versions: ofRelease
      .sort((a, b) => compareVersions(a.version, b.version))
      .map((row) => ({
        ...toReleaseVersion(row, release),
        currentlyDeployed: used.has(`${release}\n${row.version}`),
        jobNames: (jobsOf.get(row.id) ?? []).map((job) => job.name),
      })),
  }));
}
