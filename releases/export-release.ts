import type { Readable } from 'node:stream';
import { packArchive, type PackEntry, textEntry } from '../common/archive-pack.ts';
import { withDependencies } from './dependency-key.ts';
import { goYaml } from './go-yaml.ts';
import type { PartBytes } from './write-release.ts';

/** A release, with packages that were compiled for one stemcell. */
export interface CompiledRelease {
  readonly name: string;
  readonly version: string;
  readonly commitHash: string | null;
  readonly uncommittedChanges: boolean | null;
  /** `os/version`. */
  readonly stemcell: string;
  readonly jobs: readonly CompiledReleaseJob[];
  readonly packages: readonly CompiledReleasePackage[];
}

interface Part {
  readonly name: string;
  readonly version: string;
  readonly fingerprint: string;
  readonly sha1: string;
  readonly bytes: PartBytes;
}

export interface CompiledReleaseJob extends Part {
  readonly packages: readonly string[];
}

export interface CompiledReleasePackage extends Part {
  readonly dependencies: readonly string[];
}

/** The jobs of these names (all, when there are none), and the packages that they need. @throws OperatorError `package-unknown` */
export function selectJobs<
  J extends Pick<CompiledReleaseJob, 'name' | 'packages'>,
  P extends Pick<CompiledReleasePackage, 'name' | 'dependencies'>,
>(
  { jobs, packages }: { jobs: readonly J[]; packages: readonly P[] },
  jobNames: readonly string[],
): { jobs: J[]; packages: P[] } {
  const chosen = jobNames.length === 0 ? [...jobs] : jobs.filter(({ name }) => jobNames.includes(name));
  return { jobs: chosen, packages: withDependencies([...new Set(chosen.flatMap((job) => job.packages))], packages) };
}

/**
 * The tarball of `bosh export-release`, as a stream: release.MF first, paths with `./`, as a director writes it.
 * Source: `jobs/export_release.rb`, `compiled_release_manifest.rb`, `release_directory.rb`.
 */
export function exportRelease(release: CompiledRelease): Readable {
  return packArchive(entries(release), { prefix: './', level: 1 });
}

function* entries(release: CompiledRelease): Generator<PackEntry> {
  yield textEntry('release.MF', compiledManifestText(release));
  for (const [folder, parts] of [
    ['jobs', release.jobs],
    ['compiled_packages', release.packages],
  ] as const) {
    if (parts.length === 0) continue;
    yield { path: folder, type: 'directory', mode: 0o755 };
    for (const { name, bytes } of parts) {
      yield { path: `${folder}/${name}.tgz`, type: 'file', mode: 0o644, size: bytes.size, body: bytes.open };
    }
  }
}

function compiledManifestText({
  name,
  version,
  commitHash,
  uncommittedChanges,
  stemcell,
  jobs,
  packages,
}: CompiledRelease): string {
  const ref = (part: Part) => ({
    name: part.name,
    version: part.version,
    fingerprint: part.fingerprint,
    sha1: part.sha1,
  });
  return `---\n${goYaml({
    compiled_packages: packages.map((each) => ({ ...ref(each), stemcell, dependencies: each.dependencies })),
    jobs: jobs.map(ref),
    commit_hash: commitHash,
    uncommitted_changes: uncommittedChanges,
    name,
    version,
  })}`;
}
