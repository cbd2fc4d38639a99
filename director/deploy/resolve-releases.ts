import { InvalidInput, type Fault } from '../../common/errors.ts';
import { didYouMean } from '../../common/suggest.ts';
import { resolveVersion } from '../../common/version.ts';
import type { DeploymentManifest, ReleaseReference } from '../../manifests/deployment-manifest.ts';
import type { JobReference } from '../../manifests/instance-group.ts';
import type { RuntimeConfig } from '../../manifests/runtime-config.ts';
import type { ReleaseContents } from '../store/releases.ts';
import type { Store } from '../store/store.ts';
import type { CollectedFaults } from './collected-faults.ts';

interface Wanted extends ReleaseReference {
  /** Of the fault, if there is one. */
  path: string;
}

/** The releases that some job uses, with what they hold, by name; one that is missing is among the faults. */
export async function resolveReleases(
  { manifest, runtime }: { manifest: DeploymentManifest; runtime: RuntimeConfig },
  jobs: readonly JobReference[],
  { store, faults }: { store: Store; faults: CollectedFaults },
): Promise<Map<string, ReleaseContents>> {
  const found = new Map<string, ReleaseContents>();
  const missing: Fault[] = [];
  let boshCode = 30006;
  await faults.of(() => refuseConflicts({ manifest, runtime }, jobs));
  for (const wanted of referencesOf({ manifest, runtime }, jobs)) {
    const listing = await store.releases.listing(wanted.name);
    // One that is half there (its upload failed, or goes on) counts for nothing, or `latest` would be broken by it.
    const versions = (listing?.versions ?? []).filter(({ complete }) => complete).map(({ version }) => version);
    const chosen = resolveVersion(wanted.version, versions);
    const contents = chosen === undefined ? undefined : await store.releases.contents(wanted.name, chosen);
    if (contents !== undefined) {
      found.set(wanted.name, contents);
      continue;
    }
    if (listing === undefined) boshCode = 30005;
    const half = listing?.versions.some(({ version, complete }) => version === wanted.version && !complete) ?? false;
    missing.push(await faultOf(wanted, { versions, known: listing !== undefined, half }, store));
  }
  if (missing.length > 0) await faults.of(() => refuse(missing, boshCode));
  return found;
}

/** Releases that a runtime config wants in another version than the manifest. */
function refuseConflicts(
  { manifest, runtime }: { manifest: DeploymentManifest; runtime: RuntimeConfig },
  jobs: readonly JobReference[],
): void {
  const used = new Set(jobs.map(({ release }) => release));
  const faults = manifest.releases.flatMap(({ name, version }, i): Fault[] => {
    const other = runtime.releases.find((reference) => reference.name === name);
    if (other === undefined || !used.has(name) || other.version === version) return [];
    const message = `release "${name}" is version ${version} in the manifest and ${other.version} in a runtime config`;
    return [{ path: `releases.${i}.version`, message }];
  });
  if (faults.length === 0) return;
  const invalid = new InvalidInput('releases', faults, {
    code: 'release-versions-conflict',
    hint: 'Use the same version in both.',
  });
  invalid.details['boshCode'] = 530003;
  throw invalid;
}

function referencesOf(
  { manifest, runtime }: { manifest: DeploymentManifest; runtime: RuntimeConfig },
  jobs: readonly JobReference[],
): Iterable<Wanted> {
  const used = new Set(jobs.map(({ release }) => release));
  const references = new Map<string, Wanted>();
  for (const reference of runtime.releases) {
    if (used.has(reference.name)) {
      references.set(reference.name, { ...reference, path: `runtime config: releases.${reference.name}` });
    }
  }
  manifest.releases.forEach((reference, i) => {
    references.set(reference.name, { ...reference, path: `releases.${i}` });
  });
  return references.values();
}

async function faultOf(
  { name, version, path }: Wanted,
  { versions, known, half }: { versions: readonly string[]; known: boolean; half: boolean },
  store: Store,
): Promise<Fault> {
  if (!known) {
    const names = (await store.releases.list()).map((release) => release.name);
    return { path: `${path}.name`, message: `Release '${name}' doesn't exist`, ...didYouMean(name, names) };
  }
  const there = versions.length === 0 ? 'no version is uploaded completely' : `there are ${shortened(versions)}`;
  const message = half
    ? `Release version '${name}/${version}' was not uploaded to its end; upload it again`
    : `Release version '${name}/${version}' doesn't exist; ${there}`;
  return { path: `${path}.version`, message };
}

/** Releases of years can have hundreds of versions; the newest are those that somebody wants. */
const versionsShownMax = 10;

function shortened(versions: readonly string[]): string {
  const left = versions.length - versionsShownMax;
  const newest = versions.slice(-versionsShownMax).join(', ');
  return left > 0 ? `${newest} and ${left} older ones` : newest;
}

function refuse(missing: readonly Fault[], boshCode: number): never {
  const invalid = new InvalidInput('releases', missing, {
    code: 'release-missing',
    hint: 'Upload releases with `bosh upload-release`; `bosh releases` lists what is there.',
  });
  invalid.details['boshCode'] = boshCode;
  throw invalid;
}
