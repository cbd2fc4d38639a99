import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { byBytes } from '../../common/archive-pack.ts';
import { didYouMean } from '../../common/suggest.ts';
import { OperatorError } from '../../common/errors.ts';
import { parseJobSpec } from '../job-archive.ts';
import { parsePackageLock, parsePackageSpec, type PackageSpec } from '../package-spec.ts';
import { InvalidRelease, type ReleaseFault } from '../release-fault.ts';
import { findCycle } from '../release-manifest.ts';
import { fingerprint, type SourceFile } from './fingerprint.ts';
import { glob } from './glob.ts';
import { type ReleaseAlgorithm, releaseDirInvalid } from './place.ts';

/** What a release directory says a release shall hold, each thing with its fingerprint, before anything is packed. */
export interface ReleaseSource {
  readonly jobs: readonly JobSource[];
  readonly packages: readonly PackageSource[];
  readonly license: LicenseSource | null;
}

export interface Packable {
  readonly fingerprint: string;
  readonly files: readonly SourceFile[];
  /** Scripts among the files, run in the staged copy before it is packed, and then removed from it. */
  readonly prepare: readonly SourceFile[];
  readonly followLinks: boolean;
  readonly noCompression: boolean;
}

export interface JobSource {
  readonly name: string;
  readonly packages: readonly string[];
  readonly fingerprint: string;
  readonly packable: Packable;
}

export interface PackageSource {
  readonly name: string;
  readonly dependencies: readonly string[];
  readonly fingerprint: string;
  /** Null: vendored. Its archive is in the final builds, or nowhere. */
  readonly packable: Packable | null;
}

export interface LicenseSource {
  readonly fingerprint: string;
  readonly packable: Packable;
}

/**
 * Reads jobs/, packages/ and the license files. Names sorted by their bytes.
 * @throws InvalidRelease with the faults of all jobs and packages
 */
export async function readReleaseSource(dir: string, algorithm: ReleaseAlgorithm): Promise<ReleaseSource> {
  const faults: ReleaseFault[] = [];
  const collect = async <T>(folder: string, read: (name: string) => Promise<T>): Promise<T[]> => {
    const found: T[] = [];
    for (const name of await directoriesIn(join(dir, folder))) {
      try {
        found.push(await read(name));
      } catch (thrown) {
        if (!(thrown instanceof OperatorError)) throw thrown;
        const path = `${folder}/${name}`;
        if (thrown instanceof InvalidRelease)
          faults.push(
            ...thrown.faults.map((fault) => ({ ...fault, path: fault.path === '' ? path : `${path}: ${fault.path}` })),
          );
        else faults.push({ path, message: thrown.message });
      }
    }
    return found;
  };
  const packages = await collect('packages', (name) => readPackage(dir, name, algorithm));
  const jobs = await collect('jobs', (name) => readJob(dir, name, algorithm));
  const license = await readLicense(dir, algorithm);
  if (faults.length === 0) checkNames(jobs, packages, faults);
  if (faults.length > 0) throw new InvalidRelease(`the release in ${dir}`, faults);
  const byName = (a: { name: string }, b: { name: string }) => byBytes(a.name, b.name);
  return { jobs: jobs.sort(byName), packages: packages.sort(byName), license };
}

function checkNames(jobs: readonly JobSource[], packages: readonly PackageSource[], faults: ReleaseFault[]): void {
  const names = packages.map(({ name }) => name);
  const known = new Set(names);
  const check = (path: string, wanted: readonly string[]) => {
    for (const name of wanted) {
      if (!known.has(name)) faults.push({ path, message: `there is no package "${name}"`, ...didYouMean(name, names) });
    }
  };
  for (const { name, dependencies } of packages) check(`packages/${name}: dependencies`, dependencies);
  for (const { name, packages: wanted } of jobs) check(`jobs/${name}: packages`, wanted);
  const cycle = findCycle(packages);
  if (cycle !== undefined)
    faults.push({ path: 'packages', message: `need each other in a circle: ${cycle.join(' -> ')}` });
}

async function directoriesIn(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch(() => [] as string[]);
  const found: string[] = [];
  for (const name of names.sort(byBytes)) {
    if (!name.startsWith('.') && (await stat(join(dir, name)).catch(() => undefined))?.isDirectory() === true)
      found.push(name);
  }
  return found;
}

async function readJob(dir: string, name: string, algorithm: ReleaseAlgorithm): Promise<JobSource> {
  const base = join(dir, 'jobs', name);
  const { spec, faults } = parseJobSpec(await readText(join(base, 'spec')));
  if (spec.name !== '' && spec.name !== name) {
    faults.push({ path: 'spec', message: `says that the job is "${spec.name}", but its directory is "${name}"` });
  }
  const files: SourceFile[] = [{ path: join(base, 'spec'), relativePath: 'job.MF' }];
  for (const optional of ['monit', 'properties_schema.json']) {
    if (await exists(join(base, optional))) files.push({ path: join(base, optional), relativePath: optional });
  }
  for (const source of spec.templates.keys()) {
    const path = join(base, 'templates', source);
    if (!(await isFile(path)))
      faults.push({ path: `templates/${source}`, message: 'there is no such file, but the spec names it' });
    files.push({ path, relativePath: `templates/${source}` });
  }
  if (faults.length > 0) throw new InvalidRelease(`jobs/${name}`, faults);
  const print = await fingerprint(files, { algorithm, followLinks: true });
  const packable: Packable = { fingerprint: print, files, prepare: [], followLinks: true, noCompression: false };
  return { name, packages: spec.packages, fingerprint: print, packable };
}

async function readPackage(dir: string, folder: string, algorithm: ReleaseAlgorithm): Promise<PackageSource> {
  const base = join(dir, 'packages', folder);
  const lock = join(base, 'spec.lock');
  if (await exists(lock)) {
    const { name, fingerprint: print, dependencies } = parsePackageLock(await readText(lock), 'spec.lock');
    return { name, dependencies, fingerprint: print, packable: null };
  }
  const spec = parsePackageSpec(await readText(join(base, 'spec')), 'spec');
  const packaging = await scriptOf(dir, base, 'packaging');
  if (packaging === null) throw releaseDirInvalid('has no packaging script');
  const prePackaging = await scriptOf(dir, base, 'pre_packaging');
  const prepare = prePackaging ?? [];
  const files = [...packaging, ...prepare, ...(await filesOf(dir, spec))];
  const print = await fingerprint(files, { algorithm, followLinks: false, dependencies: spec.dependencies });
  const packable: Packable = {
    fingerprint: print,
    files,
    prepare,
    followLinks: false,
    noCompression: spec.noCompression,
  };
  return { name: spec.name, dependencies: spec.dependencies, fingerprint: print, packable };
}

/** Null: there is none. Empty: there is one that the CLI would pass over, and so must we for the fingerprint's sake. */
async function scriptOf(dir: string, base: string, name: string): Promise<SourceFile[] | null> {
  const path = join(base, name);
  if (!(await exists(path))) return null;
  return (await isPackageable(path, await rootOf(dir))) ? [{ path, relativePath: name, excludeMode: true }] : [];
}

/** src/ comes before blobs/; of one path the first file counts. */
async function filesOf(dir: string, spec: PackageSpec): Promise<SourceFile[]> {
  const root = await rootOf(dir);
  const files = new Map<string, SourceFile>();
  for (const pattern of spec.files) {
    checkPattern(pattern);
    let matched = false;
    for (const folder of ['src', 'blobs']) {
      for (const { path, relativePath } of await glob(join(dir, folder), pattern)) {
        if (!(await isPackageable(path, root))) continue;
        matched = true;
        if (!files.has(relativePath)) files.set(relativePath, { path, relativePath });
      }
    }
    if (!matched) throw releaseDirInvalid(`no file matches "${pattern}", neither in src/ nor in blobs/`);
  }
  for (const pattern of spec.excludedFiles) {
    checkPattern(pattern);
    for (const folder of ['src', 'blobs']) {
      for (const { relativePath } of await glob(join(dir, folder), pattern)) files.delete(relativePath);
    }
  }
  for (const special of ['packaging', 'pre_packaging']) {
    if (files.has(special))
      throw releaseDirInvalid(`"${special}" is matched by files, but the name is taken by the script`);
  }
  return [...files.values()];
}

function checkPattern(pattern: string): void {
  if (pattern.split('/').includes('..')) throw releaseDirInvalid(`"${pattern}" leaves src/ and blobs/`);
}

interface Root {
  readonly src: string;
  readonly realSrc: string;
}

async function rootOf(dir: string): Promise<Root> {
  const src = join(dir, 'src');
  return { src, realSrc: await realpath(src).catch(() => src) };
}

/** Files and links; not directories, and not files that are only reached through a link to a directory. */
async function isPackageable(path: string, { src, realSrc }: Root): Promise<boolean> {
  const found = await lstat(path);
  if (found.isDirectory()) return false;
  if (found.isSymbolicLink()) return true;
  return relative(src, path) === relative(realSrc, await realpath(path));
}

async function readLicense(dir: string, algorithm: ReleaseAlgorithm): Promise<LicenseSource | null> {
  const names = (await readdir(dir)).filter((name) => /^(?:LICENSE|NOTICE)/.test(name)).sort(byBytes);
  const files = names.map((name) => ({
    path: join(dir, name),
    relativePath: basename(name),
    useBasename: true,
    excludeMode: true,
  }));
  for (const { path, relativePath } of files) {
    if (!(await isFile(path)))
      throw releaseDirInvalid(`${relativePath} must be a file: it is taken for a license by its name`);
  }
  if (files.length === 0) return null;
  const print = await fingerprint(files, { algorithm, followLinks: false });
  return {
    fingerprint: print,
    packable: { fingerprint: print, files, prepare: [], followLinks: false, noCompression: false },
  };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    throw releaseDirInvalid(`has no ${basename(path)}`);
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}
