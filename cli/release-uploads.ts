import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import pLimit from 'p-limit';
import { mediaTypes, paths } from '../director/api/contract/paths.ts';
import type { ReleaseDetails, ReleaseSummary, RemoteArtifact } from '../director/api/contract/releases.ts';
import { isMap, type YamlMap } from '../manifests/value.ts';
import type { LocalRelease } from '../releases/directory/build-release.ts';
import type { Context } from './context.ts';
import { fetching, Refused } from './director-client.ts';
import { CliError, during } from './failure.ts';
import { withQuery } from './query.ts';
import { releasePlace } from './release-place.ts';
import { pathFrom } from './template.ts';
import { showingProgress } from './upload-progress.ts';

export interface ReleaseUpload {
  /** A URL, a path of a tarball, or empty: the newest release of the directory. */
  readonly url: string;
  readonly dir?: string;
  readonly rebase?: boolean;
  readonly fix?: boolean;
  /** What is looked for, before anything is sent. */
  readonly name?: string;
  readonly version?: string;
  readonly sha1?: string;
  /** `os/version`: a release that is compiled for it counts. */
  readonly stemcell?: string;
}

/** Uploads a release from wherever it is, unless the director has it. */
export async function uploadRelease(context: Context, upload: ReleaseUpload): Promise<void> {
  if (upload.fix !== true && (await isThere(context, upload))) return;
  const { url } = upload;
  if (/^https?:\/\//.test(url)) return uploadRemote(context, upload);
  if (/^(git:\/\/|git\+|git@)/.test(url)) return uploadFromGit(context, upload);
  return uploadLocal(context, upload);
}

async function isThere(
  { ui, session }: Context,
  { name = '', version = '', stemcell = '' }: ReleaseUpload,
): Promise<boolean> {
  if (name === '' || version === '') return false;
  const client = await session.director();
  const releases = await fetching<ReleaseSummary[]>(client, 'Finding releases', paths.releases);
  const found = releases.find((each) => each.name === name)?.release_versions.some((each) => each.version === version);
  if (found !== true) return false;
  const path = withQuery(paths.release(name), { version });
  const { packages } = await fetching<ReleaseDetails>(client, `Finding release '${name}/${version}'`, path);
  // of a compiled release, the wanted stemcell's packages; of a source release, all sources
  const complete = packages.every(({ blobstore_id, compiled_packages }) =>
    stemcell === '' ? blobstore_id !== null : compiled_packages.some((each) => each.stemcell === stemcell),
  );
  if (!complete) return false;
  ui.line(`Release '${name}/${version}'${stemcell === '' ? '' : ` for stemcell '${stemcell}'`} already exists.`);
  return true;
}

async function uploadRemote({ session }: Context, upload: ReleaseUpload): Promise<void> {
  const { url, sha1 = '', rebase, fix } = upload;
  const body: RemoteArtifact = { location: url, ...(sha1 === '' ? {} : { sha1 }) };
  const call = {
    method: 'POST',
    path: withQuery(paths.releases, { rebase, fix }),
    headers: { 'content-type': mediaTypes.json },
    body: JSON.stringify(body),
  } as const;
  await during(`Uploading remote release '${withoutPassword(url)}'`, session.run(call));
}

async function uploadFromGit(context: Context, { url, name, version, fix }: ReleaseUpload): Promise<void> {
  const { execFile } = await import('node:child_process');
  const { promisify } = await import('node:util');
  const dir = await mkdtemp(join(tmpdir(), 'gantry-git-'));
  try {
    const clone = promisify(execFile)('git', ['clone', '--depth', '1', '--', url.replace(/^git\+/, ''), dir]);
    await during('Cloning git repo', clone);
    const given = { ...(name === undefined ? {} : { name }), ...(version === undefined ? {} : { version }) };
    await uploadLocal(context, { url: '', dir, ...given, ...(fix === undefined ? {} : { fix }) });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function uploadLocal(context: Context, upload: ReleaseUpload): Promise<void> {
  const path = localPath(upload.url);
  const scratch = await mkdtemp(join(tmpdir(), 'gantry-release-'));
  try {
    if (path !== '') context.ui.status([{ text: `Reading ${basename(path)} ...`, faint: true }]);
    await send(context, await localRelease(context, path, upload, scratch), upload, scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const localPath = (url: string) => url.replace(/^file:\/\//, '');
/** Anything else that is local is a release manifest, or none: then the newest of the directory is meant. */
const isTarball = (url: string) => url !== '' && !/\.ya?ml$/.test(url);

async function localRelease(
  context: Context,
  path: string,
  { dir = '.', name, version }: ReleaseUpload,
  scratch: string,
): Promise<LocalRelease> {
  const place = releasePlace(context, dir);
  if (path !== '') {
    const file = pathFrom(context, path);
    if (!isTarball(path)) return (await import('../releases/directory/create-release.ts')).recreateRelease(place, file);
    return (await import('../releases/directory/finalize-release.ts')).openTarball(file, scratch);
  }
  const { latestRelease, ReleaseIndex } = await import('../releases/directory/release-index.ts');
  const { nameOf, readConfig } = await import('../releases/directory/config.ts');
  const { findRelease } = await import('../releases/directory/build-release.ts');
  if (!(await hasConfig(place.dir)))
    throw new CliError(
      `No release is named, and ${place.dir} is no release directory: it has no config/\n` +
        'Name a tarball or a URL, or a release directory with --dir.',
    );
  const wanted = name || nameOf(await readConfig(place.dir));
  const latest = await latestRelease(place, wanted);
  if (latest === undefined)
    throw new CliError(
      `Expected at least one dev or final version of release '${wanted}'\n` +
        `None was made in ${place.dir} yet: make one with \`gantry create-release --dir ${dir}\`, and upload it then.`,
    );
  if (!version) return findRelease(place, await new ReleaseIndex(place, latest.index).read(wanted, latest.version));
  for (const index of ['dev', 'final'] as const) {
    const releases = new ReleaseIndex(place, index);
    if ((await releases.versions(wanted)).includes(version))
      return findRelease(place, await releases.read(wanted, version));
  }
  throw new CliError(`Expected to find release '${wanted}/${version}' in ${place.dir}`);
}

const hasConfig = (dir: string) =>
  stat(join(dir, 'config')).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** Sends a tarball without those packages that the director has. */
async function send(
  context: Context,
  release: LocalRelease,
  { url, rebase, fix }: ReleaseUpload,
  scratch: string,
): Promise<void> {
  const { pipeline } = await import('node:stream/promises');
  const { createWriteStream } = await import('node:fs');
  const { releaseTarball } = await import('../releases/directory/create-release.ts');
  const { releaseManifestText } = await import('../releases/release-manifest-text.ts');
  const { session } = context;
  const client = await session.director();
  const compiled = release.manifest.compiled;
  const matches = fix
    ? []
    : await client
        .json<string[]>({
          method: 'POST',
          path: compiled ? paths.compiledPackageMatches : paths.packageMatches,
          headers: { 'content-type': mediaTypes.yaml },
          body: releaseManifestText(release.manifest),
        })
        .catch((error: unknown): string[] => {
          if (error instanceof Refused) return []; // it saves time, and no more
          throw error;
        });
  const slug = `${release.manifest.name}/${release.manifest.version}`;
  let file = pathFrom(context, localPath(url));
  // A tarball of which everything is wanted goes as it is; packing it again would take as long as sending it. A pipe was
  // read to its end already.
  const whole = isTarball(url) && matches.length === 0 && (await stat(file)).isFile();
  if (!whole) {
    context.ui.status([{ text: `Packing ${slug} ...`, faint: true }]);
    file = join(scratch, 'upload.tgz');
    await pipeline(releaseTarball(release, new Map(), new Set(matches)), createWriteStream(file));
  }
  const call = await tarballUpload(context, withQuery(paths.releases, { rebase, fix }), { file, label: slug });
  await during('Uploading release file', session.run(call));
}

/** A POST of a whole file, as stemcells are sent too. */
export async function tarballUpload(
  { ui, clock }: Pick<Context, 'ui' | 'clock'>,
  path: string,
  { file, label }: { file: string; label: string },
) {
  const { size } = await during(`Opening file ${file}`, stat(file));
  const open = () => createReadStream(file, { highWaterMark: 256 * 1024 });
  return {
    method: 'POST',
    path,
    headers: { 'content-type': mediaTypes.tarball },
    body: { bytes: size, open: showingProgress(open, { ui, clock, label, bytes: size }) },
  } as const;
}

/**
 * Uploads those releases of a manifest that say where they are. `version: create` makes one of the directory at
 * `url`, and the manifest goes on with the version that was made.
 */
export async function uploadReleasesOf(context: Context, manifest: string, { fix }: { fix: boolean }): Promise<string> {
  const { readYaml, writeYaml } = await import('../manifests/yaml.ts');
  const { value } = readYaml(manifest, 'manifest');
  const releases = isMap(value) && Array.isArray(value['releases']) ? value['releases'] : [];
  if (!releases.some((each) => isMap(each) && typeof each['url'] === 'string' && each['url'] !== '')) return manifest;
  const limit = pLimit(context.globals.parallel);
  const results = await Promise.allSettled(
    releases.map((each) => limit(async () => (isMap(each) ? uploadOne(context, each, fix) : each))),
  );
  const failed = results.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw new CliError('Creating and uploading releases', failed.reason);
  const changed = results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  if (changed.every((each, i) => each === releases[i])) return manifest;
  return writeYaml({ ...(value as YamlMap), releases: changed }); // it has releases
}

/** The entry as it is to be sent: the same, unless a release was made of it. */
async function uploadOne(context: Context, release: YamlMap, fix: boolean): Promise<YamlMap> {
  const text = (key: string, of: YamlMap = release) => {
    const value = of[key];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  };
  const [name, version, url] = [text('name'), text('version'), text('url')];
  if (url === '') return release;
  if (version === 'create') return createAndUpload(context, release, { name, url });
  const exported = Array.isArray(release['exported_from']) ? release['exported_from'][0] : undefined;
  const stemcell = isMap(release['stemcell']) ? release['stemcell'] : isMap(exported) ? exported : {};
  const os = text('os', stemcell);
  const slug = os === '' ? {} : { stemcell: `${os}/${text('version', stemcell)}` };
  await during(
    `Uploading release '${name}/${version}'`,
    uploadRelease(context, { url, name, version, sha1: text('sha1'), fix, ...slug }),
  );
  return release;
}

async function createAndUpload(
  context: Context,
  release: YamlMap,
  { name, url }: { name: string; url: string },
): Promise<YamlMap> {
  const { createRelease } = await import('../releases/directory/create-release.ts');
  const { showRelease } = await import('./release-tables.ts');
  const place = releasePlace(context, url.replace(/^file:\/\//, ''));
  const made = await during(
    `Processing release '${name}/create'`,
    createRelease(place, { name, timestampVersion: true, force: true }),
  );
  showRelease(context.ui, made.manifest);
  const scratch = await mkdtemp(join(tmpdir(), 'gantry-release-'));
  try {
    await during(`Uploading release '${name}/create'`, send(context, made, { url: '' }, scratch));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const { url: _, ...rest } = release;
  return { ...rest, version: made.manifest.version };
}

export function withoutPassword(url: string): string {
  return url.replace(/^(https?:\/\/)[^/@]*@/, '$1<redacted>:<redacted>@');
}
