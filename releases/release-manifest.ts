import { parseDigest } from '../common/digest.ts';
import { parseVersion } from '../common/version.ts';
import { didYouMean } from '../common/suggest.ts';
import { boshCodes, InvalidRelease, type ReleaseFault } from './release-fault.ts';
import { FieldReader, isTextMap, readTextDocument } from './text-document.ts';

/**
 * release.MF: what a release consists of. Source: the release manifest of bosh-cli, as a director reads it
 * (`release/manifest`, `jobs/update_release.rb`).
 */
export interface ReleaseManifest {
  readonly name: string;
  /** Normalised: `1.2-dev` reads as `1+dev.2`. */
  readonly version: string;
  readonly commitHash: string | null;
  readonly uncommittedChanges: boolean | null;
  readonly jobs: readonly JobRef[];
  /** Empty in a compiled release. */
  readonly packages: readonly PackageRef[];
  readonly compiledPackages: readonly CompiledPackageRef[];
  /** Whether it carries compiled packages instead of sources: told by the key, which may hold an empty list. */
  readonly compiled: boolean;
  readonly license: LicenseRef | null;
  readonly noCompression: boolean;
}

export interface ArchiveRef {
  readonly name: string;
  /** The same as the fingerprint in all that recent CLIs write; older ones counted. */
  readonly version: string;
  readonly fingerprint: string;
  /** Multi-digest of the inner tgz. Null: an exported release of a director that knew none. */
  readonly sha1: string | null;
}

export interface JobRef extends ArchiveRef {
  /** Null: the manifest doesn't say (compiled releases don't); the job's own spec does. */
  readonly packages: readonly string[] | null;
}

export interface PackageRef extends ArchiveRef {
  readonly dependencies: readonly string[];
}

export interface CompiledPackageRef extends PackageRef {
  /** `os/version`. */
  readonly stemcell: string;
}

export type LicenseRef = Omit<ArchiveRef, 'name'>;

/** Names and versions, as a director's database admits them. */
const identifier = /^[-0-9A-Za-z_+.]+$/;
/** As CLI and agents make paths of them: `.` and `..` are identifiers by the rule above. */
const dots = /^\.{1,2}$/;

/**
 * @throws InvalidRelease with every fault: missing fields, names and versions that are none, duplicates, packages that
 *   aren't there, dependency cycles, malformed digests
 */
export function parseReleaseManifest(text: string, what = 'release.MF'): ReleaseManifest {
  const { root, faults } = readTextDocument(text);
  if (faults.length === 0 && !isTextMap(root)) faults.push({ path: '', message: 'must be a map' });
  if (!isTextMap(root) || faults.length > 0) throw new InvalidRelease(what, faults);
  const fields = new FieldReader(root, '', faults);

  const name = readIdentifier(fields, 'name', faults);
  const version = readIdentifier(fields, 'version', faults);
  const parsed = parseVersion(version);
  if (version !== '' && parsed === undefined)
    fields.fault('version', `"${version}" is not a version`, boshCodes.releaseVersionInvalid);

  const compiled = root['compiled_packages'] !== undefined;
  const manifest: ReleaseManifest = {
    name,
    version: parsed?.text ?? version,
    commitHash: fields.optionalText('commit_hash') ?? null,
    uncommittedChanges: fields.optionalFlag('uncommitted_changes') ?? null,
    jobs: fields
      .maps('jobs')
      .map((job) => ({ ...readRef(job, faults), packages: job.has('packages') ? job.texts('packages') : null })),
    packages: compiled ? [] : fields.maps('packages').map((each) => readPackage(each, faults)),
    compiledPackages: fields
      .maps('compiled_packages')
      .map((each) => ({ ...readPackage(each, faults), stemcell: readStemcell(each) })),
    compiled,
    license: readLicense(fields),
    noCompression: fields.optionalFlag('no_compression') ?? false,
  };
  checkWhole(manifest, faults);
  if (faults.length > 0) throw new InvalidRelease(what, faults);
  return manifest;
}

function readIdentifier(fields: FieldReader, key: string, faults: ReleaseFault[]): string {
  const before = faults.length;
  const text = fields.text(key);
  if (faults.length > before) return text;
  if (!identifier.test(text) || dots.test(text)) {
    fields.fault(key, `"${text}" may hold letters, digits and -_+. only`, boshCodes.validationInvalidValue);
  }
  return text;
}

function readRef(fields: FieldReader, faults: ReleaseFault[]): ArchiveRef {
  const name = readIdentifier(fields, 'name', faults);
  const version = readIdentifier(fields, 'version', faults);
  return { name, version, fingerprint: fields.optionalText('fingerprint') ?? version, sha1: readDigest(fields) };
}

function readPackage(fields: FieldReader, faults: ReleaseFault[]): PackageRef {
  return { ...readRef(fields, faults), dependencies: fields.texts('dependencies') };
}

function readDigest(fields: FieldReader): string | null {
  const text = fields.optionalText('sha1');
  if (text === undefined || text === '') return null; // directors that knew no digest export the empty one
  try {
    parseDigest(text);
  } catch {
    fields.fault('sha1', `"${text}" is not a digest`);
  }
  return text;
}

function readStemcell(fields: FieldReader): string {
  const stemcell = fields.text('stemcell');
  if (stemcell !== '' && !/^[^/]+\/[^/]+$/.test(stemcell)) {
    fields.fault('stemcell', `"${stemcell}" must be written as OS/VERSION`);
  }
  return stemcell;
}

function readLicense(fields: FieldReader): LicenseRef | null {
  const license = fields.optionalMap('license');
  if (license === undefined) return null;
  const version = license.optionalText('version') ?? license.text('fingerprint');
  return { version, fingerprint: license.optionalText('fingerprint') ?? version, sha1: readDigest(license) };
}

/** What no single field shows. */
function checkWhole(manifest: ReleaseManifest, faults: ReleaseFault[]): void {
  const [key, packages] = manifest.compiled
    ? (['compiled_packages', manifest.compiledPackages] as const)
    : (['packages', manifest.packages] as const);
  for (const [list, refs] of [
    ['jobs', manifest.jobs],
    [key, packages],
  ] as const) {
    const seen = new Set<string>();
    refs.forEach(({ name }, index) => {
      if (seen.has(name)) faults.push({ path: `${list}.${index}.name`, message: `"${name}" is here twice` });
      seen.add(name);
    });
  }
  const names = packages.map(({ name }) => name);
  const known = new Set(names);
  const unknown = (path: string, name: string, boshCode: number) =>
    faults.push({ path, message: `no package "${name}" in this release`, boshCode, ...didYouMean(name, names) });
  packages.forEach(({ dependencies }, i) => {
    dependencies.forEach((name, j) => {
      if (!known.has(name)) unknown(`${key}.${i}.dependencies.${j}`, name, boshCodes.releaseInvalidPackage);
    });
  });
  manifest.jobs.forEach((job, i) => {
    job.packages?.forEach((name, j) => {
      if (!known.has(name)) unknown(`jobs.${i}.packages.${j}`, name, boshCodes.jobMissingPackage);
    });
  });
  const cycle = findCycle(packages);
  if (cycle !== undefined) {
    faults.push({ path: key, message: `packages need each other in a circle: ${cycle.join(' -> ')}` });
  }
}

/** The names along one circle of dependencies, the first one again at its end. */
export function findCycle(packages: ReadonlyArray<Pick<PackageRef, 'name' | 'dependencies'>>): string[] | undefined {
  const byName = new Map(packages.map((each) => [each.name, each.dependencies]));
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): string[] | undefined => {
    const at = path.indexOf(name);
    if (at >= 0) return [...path.slice(at), name];
    if (done.has(name)) return undefined;
    for (const dependency of byName.get(name) ?? []) {
      const cycle = visit(dependency, [...path, name]);
      if (cycle !== undefined) return cycle;
    }
    done.add(name);
    return undefined;
  };
  for (const { name } of packages) {
    const cycle = visit(name, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
