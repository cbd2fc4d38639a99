import type { DeploymentManifest } from '../../manifests/deployment-manifest.ts';
import type { RuntimeConfig } from '../../manifests/runtime-config.ts';
import type { ChosenVersions } from '../store/deployments.ts';
import type { StemcellSet } from './stemcells.ts';

type Texts = { manifest: DeploymentManifest; runtime: RuntimeConfig };

/**
 * A manifest that was deployed before, with what its `latest` stood for then: who restarts an instance, or goes back,
 * wants no release that was uploaded since. (BOSH writes the versions into the manifest that it keeps.)
 */
export function withVersions<T extends Texts>(texts: T, versions: ChosenVersions | undefined): T {
  if (versions === undefined) return texts;
  const { releases, stemcells } = versions;
  const chosen = <R extends { version: string }>(
    references: readonly R[],
    versionOf: (reference: R) => string | undefined,
  ) => references.map((reference) => ({ ...reference, version: versionOf(reference) ?? reference.version }));
  const ofRelease = ({ name }: { name: string }) => releases[name];
  return {
    ...texts,
    manifest: {
      ...texts.manifest,
      releases: chosen(texts.manifest.releases, ofRelease),
      stemcells: chosen(texts.manifest.stemcells, ({ alias }) => stemcells[alias]),
    },
    runtime: { ...texts.runtime, releases: chosen(texts.runtime.releases, ofRelease) },
  };
}

export function chosenVersions(
  releases: ReadonlyArray<{ name: string; version: string }>,
  stemcells: ReadonlyMap<string, StemcellSet>,
): ChosenVersions {
  return {
    releases: Object.fromEntries(releases.map(({ name, version }) => [name, version])),
    stemcells: Object.fromEntries([...stemcells].map(([alias, { version }]) => [alias, version])),
  };
}
