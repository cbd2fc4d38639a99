import { id, type BlobId } from '../../common/ids.ts';
import type { CompileDemand } from '../../director/compile/requirements.ts';
import { dependencyKey } from '../../releases/dependency-key.ts';
import type { CompiledPackage, ReleasePackage } from '../../director/store/releases.ts';

export const stemcell = (version = '1.10', os = 'tiny-os') => ({ os, version });

/** Packages of a release with those that each depends on; numbered in their order. `!` after a name: without a source. */
export function packagesOf(dependencies: Record<string, string[]>): Map<string, ReleasePackage> {
  return new Map(
    Object.entries(dependencies).map(([text, needs], i) => {
      const name = text.replace('!', '');
      const source =
        text === name ? { blobId: id<BlobId>(`source-of-${name}`), digest: `sha1-of-${name}` } : sourceless;
      return [
        name,
        { id: i + 1, name, version: `${name}-v`, fingerprint: `${name}-f`, ...source, dependencies: needs },
      ];
    }),
  );
}

const sourceless = { blobId: null, digest: null };

export function demand(
  packages: ReadonlyMap<string, ReleasePackage>,
  wanted: string[],
  more: Partial<CompileDemand> = {},
): CompileDemand {
  return { release: { name: 'web', version: '1' }, packages, wanted, stemcell: stemcell(), exportedFrom: [], ...more };
}

/** A compiled form of a package, against its dependencies as they are now. */
export function compiledOf(
  packages: ReadonlyMap<string, ReleasePackage>,
  name: string,
  more: Partial<CompiledPackage> = {},
): CompiledPackage {
  const packageId = packages.get(name)?.id;
  if (packageId === undefined) throw new Error(`no package ${name}`);
  return {
    id: packageId * 100,
    packageId,
    stemcellOs: 'tiny-os',
    stemcellVersion: '1.10',
    dependencyKey: dependencyKey(name, [...packages.values()]),
    build: 1,
    blobId: id<BlobId>(`compiled-${name}`),
    digest: `sha1-of-compiled-${name}`,
    ...more,
  };
}
