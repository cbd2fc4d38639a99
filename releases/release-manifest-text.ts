import { goYaml } from './go-yaml.ts';
import type { ReleaseManifest } from './release-manifest.ts';

/** release.MF as the bosh CLI writes it; keys without a value are left out where it leaves them out. */
export function releaseManifestText(manifest: ReleaseManifest): string {
  const { jobs, packages, compiledPackages, license } = manifest;
  return goYaml({
    name: manifest.name,
    version: manifest.version,
    commit_hash: manifest.commitHash ?? '',
    uncommitted_changes: manifest.uncommittedChanges ?? false,
    ...(jobs.length > 0 && { jobs: jobs.map((job) => ({ ...ref(job), packages: job.packages ?? [] })) }),
    ...(packages.length > 0 && {
      packages: packages.map((each) => ({ ...ref(each), dependencies: each.dependencies })),
    }),
    ...(manifest.compiled && {
      compiled_packages: compiledPackages.map((each) => ({
        ...ref(each),
        stemcell: each.stemcell,
        dependencies: each.dependencies,
      })),
    }),
    ...(license !== null && {
      license: { version: license.version, fingerprint: license.fingerprint, sha1: license.sha1 ?? '' },
    }),
    no_compression: manifest.noCompression,
  });
}

const ref = ({
  name,
  version,
  fingerprint,
  sha1,
}: {
  name: string;
  version: string;
  fingerprint: string;
  sha1: string | null;
}) => ({
  name,
  version,
  fingerprint,
  sha1: sha1 ?? '',
});
