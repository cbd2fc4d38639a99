import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../../common/errors.ts';
import { compareVersions, latestOf } from '../../common/version.ts';
import { parseReleaseManifest, type ReleaseManifest } from '../release-manifest.ts';
import { nextDevVersion, nextFinalVersion } from '../release-version.ts';
import { readIndex, writeIndex, writeWhole } from './index-file.ts';
import { releaseManifestText } from '../release-manifest-text.ts';
import { pathBelow, type ReleasePlace, releaseDirInvalid } from './place.ts';

/** dev_releases/ or releases/: which versions were made, and their manifests. */
export class ReleaseIndex {
  readonly #place: ReleasePlace;
  readonly #index: 'dev' | 'final';
  readonly #dir: string;

  constructor(place: ReleasePlace, index: 'dev' | 'final') {
    this.#place = place;
    this.#index = index;
    this.#dir = join(place.dir, index === 'dev' ? 'dev_releases' : 'releases');
  }

  async versions(name: string): Promise<string[]> {
    return [...(await readIndex(this.#file(name))).values()].map(({ version }) => version);
  }

  /** @throws OperatorError `release-version-exists` */
  async add(manifest: ReleaseManifest): Promise<void> {
    const { name, version } = manifest;
    const file = this.#file(name);
    await this.mustNotHave(name, version);
    const entries = await readIndex(file);
    entries.set(this.#place.chance.uuid(), { version });
    await writeWhole(this.manifestFile(name, version), releaseManifestText(manifest));
    await writeIndex(file, entries);
    this.#place.report({ kind: 'release-added', index: this.#index, what: `${name}/${version}` });
  }

  async mustNotHave(name: string, version: string): Promise<void> {
    if (!(await this.versions(name)).includes(version)) return;
    throw new OperatorError(`there is a ${this.#index} release ${name}/${version} already`, {
      code: 'release-version-exists',
      hint: 'Give another version, or none: the next one is found by itself.',
      details: { name, version, index: this.#index },
    });
  }

  async read(name: string, version: string): Promise<ReleaseManifest> {
    const file = this.manifestFile(name, version);
    const text = await readFile(file, 'utf8').catch(() => {
      throw releaseDirInvalid(`${file} is missing, but the index speaks of it`);
    });
    return parseReleaseManifest(text, file);
  }

  manifestFile(name: string, version: string): string {
    return join(pathBelow(this.#dir, name), `${name}-${version}.yml`);
  }

  #file(name: string): string {
    return join(pathBelow(this.#dir, name), 'index.yml');
  }
}

/** The newest release of that name, dev or final. */
export async function latestRelease(
  place: ReleasePlace,
  name: string,
): Promise<{ index: 'dev' | 'final'; version: string } | undefined> {
  const dev = latestOf(await new ReleaseIndex(place, 'dev').versions(name));
  const final = latestOf(await new ReleaseIndex(place, 'final').versions(name));
  if (final !== undefined && (dev === undefined || compareVersions(final, dev) > 0))
    return { index: 'final', version: final };
  return dev === undefined ? undefined : { index: 'dev', version: dev };
}

export async function nextDev(
  place: ReleasePlace,
  name: string,
  { timestamp }: { timestamp: boolean },
): Promise<string> {
  const latest = await latestRelease(place, name);
  return nextDevVersion(latest?.version, timestamp ? Math.floor(place.clock.now() / 1000) : undefined);
}

export async function nextFinal(place: ReleasePlace, name: string): Promise<string> {
  return nextFinalVersion(latestOf(await new ReleaseIndex(place, 'final').versions(name)));
}
