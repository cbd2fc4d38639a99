import { chmod, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { linkWhole, orAbsent } from '../files.ts';
import { ActionFailed } from '../errors.ts';
import type { Machine } from '../machine.ts';
import type { ApplySpec, PackageRef } from '../protocol.ts';
import { unpack, withBlob } from './archive.ts';
import { Bundles, type Bundle } from './bundles.ts';

export function jobBundles({ platform: { paths } }: Machine): Bundles {
  return new Bundles({ installed: join(paths.data, 'jobs'), enabled: paths.jobs, temporary: paths.temporary });
}

export function packageBundles({ platform: { paths } }: Machine): Bundles {
  return new Bundles({ installed: join(paths.data, 'packages'), enabled: paths.packages, temporary: paths.temporary });
}

/** The jobs of a spec. One version of a job is rendered differently here and there: the archive is part of it. */
export function jobsOf(spec: ApplySpec): Bundle[] {
  const archive = spec.rendered_templates_archive;
  if (archive === undefined) return [];
  return (spec.job?.templates ?? []).map(({ name, version }) => ({ name, version: `${version}-${archive.sha1}` }));
}

export function packageOf({ name, version, sha1 }: PackageRef): Bundle {
  return { name, version: `${version}-${sha1}` };
}

/** Fetches and unpacks what is missing of a spec. Changes nothing that is in use. */
export async function installMissing(machine: Machine, spec: ApplySpec, signal: AbortSignal): Promise<void> {
  await installJobs(machine, spec, signal);
  for (const ref of Object.values(spec.packages ?? {})) await installPackage(machine, ref, signal);
}

export async function installPackage(machine: Machine, ref: PackageRef, signal: AbortSignal): Promise<void> {
  const packages = packageBundles(machine);
  const bundle = packageOf(ref);
  if (await packages.isInstalled(bundle)) return;
  const blob = { what: `package ${ref.name} ${ref.version}`, blobId: ref.blobstore_id, digest: ref.sha1 };
  await withBlob(machine, blob, signal, (archive) =>
    packages.install(bundle, (folder) => unpack(machine, archive, folder, signal)),
  );
}

async function installJobs(machine: Machine, spec: ApplySpec, signal: AbortSignal): Promise<void> {
  const jobs = jobBundles(machine);
  const missing: Bundle[] = [];
  for (const job of jobsOf(spec)) if (!(await jobs.isInstalled(job))) missing.push(job);
  const archive = spec.rendered_templates_archive;
  if (missing.length === 0 || archive === undefined) return;
  const blob = { what: 'rendered templates', blobId: archive.blobstore_id, digest: archive.sha1 };
  await withBlob(machine, blob, signal, async (path) => {
    const unpacked = join(machine.platform.paths.temporary, `rendered-${machine.chance.uuid()}`);
    await mkdir(unpacked, { mode: 0o700 });
    try {
      await unpack(machine, path, unpacked, signal);
      for (const job of missing) await installJob(machine, job, join(unpacked, job.name));
    } finally {
      await rm(unpacked, { recursive: true, force: true });
    }
  });
}

async function installJob(machine: Machine, job: Bundle, rendered: string): Promise<void> {
  if ((await orAbsent(lstat(rendered)))?.isDirectory() !== true) {
    throw new ActionFailed(`job ${job.name}: the archive of rendered templates has no folder of that name`, {
      code: 'rendered-templates-incomplete',
      details: { job: job.name },
    });
  }
  await setPermissions(machine, rendered);
  await jobBundles(machine).install(job, async (folder) => {
    await rm(folder, { recursive: true });
    await rename(rendered, folder);
  });
}

/** Jobs may read their own files and run what is in their bin/; only root writes. */
async function setPermissions(machine: Machine, job: string, folder = job): Promise<void> {
  const executable = folder === join(job, 'bin') || folder.startsWith(join(job, 'bin/'));
  await chmod(folder, 0o750);
  await machine.platform.giveToJobs(folder);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink()) continue;
    if (entry.isDirectory()) {
      await setPermissions(machine, job, path);
      continue;
    }
    await chmod(path, executable ? 0o750 : 0o640);
    await machine.platform.giveToJobs(path);
  }
}

/** What each job may write to, and its own view of the packages. */
export async function prepareJobFolders(machine: Machine, spec: ApplySpec): Promise<void> {
  const { paths } = machine.platform;
  const packages = packageBundles(machine);
  for (const job of jobsOf(spec)) {
    const { name } = job;
    for (const folder of [join(paths.dataSys, 'log', name), join(paths.dataSys, 'run', name), paths.jobData(name)]) {
      if ((await orAbsent(lstat(folder))) !== undefined) continue;
      await mkdir(folder, { recursive: true });
      await chmod(folder, 0o770);
      await machine.platform.giveToJobs(folder);
    }
    const own = join(jobBundles(machine).path(job), 'packages');
    const refs = Object.values(spec.packages ?? {});
    for (const ref of refs) await linkWhole(join(own, ref.name), packages.path(packageOf(ref)));
    for (const link of (await orAbsent(readdir(own))) ?? []) {
      if (!refs.some((ref) => ref.name === link)) await rm(join(own, link), { recursive: true });
    }
  }
}
