import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestText, type LocalRelease, partKey } from './build-release.ts';
import { writeTarball } from './create-release.ts';
import { openTarball } from './finalize-release.ts';
import { type ReleaseAlgorithm, releaseDirInvalid } from './place.ts';
import type { BuildKind } from './builds.ts';

/**
 * `sha1ify-release` and `sha2ify-release`: the same release with digests of the other kind. The inner archives stay
 * as they are, and are checked against the digests they had.
 * @throws OperatorError those of `readRelease`
 */
export async function redigestRelease(tarball: string, to: string, algorithm: ReleaseAlgorithm): Promise<LocalRelease> {
  const dir = await mkdtemp(join(tmpdir(), 'gantry-redigest-'));
  try {
    const { manifest, files } = await openTarball(tarball, dir);
    const again = async <Ref extends { sha1: string | null }>(
      kind: BuildKind | 'compiled_packages',
      name: string,
      ref: Ref,
    ): Promise<Ref> => {
      const file = files.get(partKey(kind, name));
      if (file === undefined) throw releaseDirInvalid(`${tarball} holds no ${kind}/${name}`);
      return { ...ref, sha1: await digestText(file, algorithm) };
    };
    const all = <Ref extends { name: string; sha1: string | null }>(
      kind: BuildKind | 'compiled_packages',
      refs: readonly Ref[],
    ) => Promise.all(refs.map((ref) => again(kind, ref.name, ref)));
    const release: LocalRelease = {
      files,
      manifest: {
        ...manifest,
        jobs: await all('jobs', manifest.jobs),
        packages: await all('packages', manifest.packages),
        compiledPackages: await all('compiled_packages', manifest.compiledPackages),
        license: manifest.license === null ? null : await again('license', 'license', manifest.license),
      },
    };
    await writeTarball(release, to);
    return release;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
