import { copyFile, lstat, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { byBytes } from '../../common/archive-pack.ts';
import { algorithmFor, checkDigest } from '../../common/digest.ts';
import { isTextMap, readTextDocument } from '../text-document.ts';
import { blobstoreOf } from './blobstore.ts';
import { digestText } from './build-release.ts';
import { readConfig } from './config.ts';
import { digestOfFile } from './fingerprint.ts';
import { goYaml } from '../go-yaml.ts';
import { writeWhole } from './index-file.ts';
import { pathBelow, type ReleasePlace, releaseDirInvalid } from './place.ts';

/** A file below blobs/ that git doesn't hold, listed in config/blobs.yml. Source: `releasedir/fs_blobs_dir.go`. */
export interface Blob {
  /** Below blobs/. */
  readonly path: string;
  readonly bytes: number;
  /** Null: not uploaded yet. */
  readonly blobstoreId: string | null;
  readonly sha: string;
}

/** Sorted by path. @throws OperatorError `release-dir-invalid` | `release-dir-unsafe-path` */
export async function listBlobs({ dir }: ReleasePlace): Promise<Blob[]> {
  const file = join(dir, 'config', 'blobs.yml');
  const text = await readFile(file, 'utf8').catch(() => {
    throw releaseDirInvalid(
      `there is no ${file}`,
      'Go to the top of the release directory, or make one with init-release.',
    );
  });
  const { root, faults } = readTextDocument(text);
  const [fault] = faults;
  if (fault !== undefined) throw releaseDirInvalid(`${file} is no YAML: ${fault.message}`);
  return Object.entries(isTextMap(root) ? root : {})
    .map(([path, entry]) => {
      pathBelow(join(dir, 'blobs'), path);
      const { size, object_id: blobstoreId, sha } = isTextMap(entry) ? entry : {};
      if (typeof sha !== 'string') throw releaseDirInvalid(`${file}: ${path} has no sha`);
      return { path, bytes: Number(size), blobstoreId: typeof blobstoreId === 'string' ? blobstoreId : null, sha };
    })
    .sort((a, b) => byBytes(a.path, b.path));
}

/** Copies a file into blobs/ and lists it; a blob of that path is replaced, and must be uploaded again. */
export async function addBlob(place: ReleasePlace, file: string, path: string): Promise<Blob> {
  const to = pathBelow(join(place.dir, 'blobs'), path);
  const blobs = await listBlobs(place);
  await mkdir(dirname(to), { recursive: true });
  const half = `${to}.${place.chance.hex(4)}`;
  await copyFile(file, half);
  const blob: Blob = {
    path,
    bytes: (await stat(half)).size,
    blobstoreId: null,
    sha: await digestText(half, place.algorithm),
  };
  await rename(half, to);
  await save(place, [...blobs.filter((each) => each.path !== path), blob]);
  return blob;
}

/** Absent: no error. The blobstore keeps it: older commits need it. */
export async function removeBlob(place: ReleasePlace, path: string): Promise<void> {
  const file = pathBelow(join(place.dir, 'blobs'), path);
  const blobs = await listBlobs(place);
  await rm(file, { force: true });
  await save(
    place,
    blobs.filter((each) => each.path !== path),
  );
}

/**
 * Fetches what is missing or damaged in blobs/, and removes what isn't listed.
 * @throws OperatorError `release-dir-invalid` when there are links in blobs/, as CLIs of long ago made them
 */
export async function syncBlobs(place: ReleasePlace): Promise<void> {
  const blobs = await listBlobs(place);
  const base = join(place.dir, 'blobs');
  const known = new Set(blobs.map(({ path }) => path));
  for (const path of await filesBelow(base)) if (!known.has(path)) await rm(join(base, path));
  const blobstore = blobstoreOf(await readConfig(place.dir), place);
  for (const { path, blobstoreId, sha } of blobs) {
    const file = join(base, path);
    if (blobstoreId === null || (await holds(file, sha))) continue;
    await mkdir(dirname(file), { recursive: true });
    const fetched = `${file}.${place.chance.hex(4)}`;
    await blobstore.get(blobstoreId, sha, fetched);
    await rename(fetched, file);
    place.report({ kind: 'blob-downloaded', what: path });
  }
}

/** Uploads what wasn't, noting each at once: what was uploaded before a failure isn't uploaded again. */
export async function uploadBlobs(place: ReleasePlace): Promise<void> {
  const blobs = await listBlobs(place);
  const blobstore = blobstoreOf(await readConfig(place.dir), place);
  for (const [index, blob] of blobs.entries()) {
    if (blob.blobstoreId !== null) continue;
    const file = join(place.dir, 'blobs', blob.path);
    if (!(await holds(file, blob.sha)))
      throw releaseDirInvalid(
        `blobs/${blob.path} is missing, or another than config/blobs.yml says`,
        'Add it again with add-blob.',
      );
    blobs[index] = { ...blob, blobstoreId: await blobstore.create(file) };
    await save(place, blobs);
    place.report({ kind: 'blob-uploaded', what: blob.path });
  }
}

async function save({ dir }: ReleasePlace, blobs: readonly Blob[]): Promise<void> {
  const sorted = [...blobs].sort((a, b) => byBytes(a.path, b.path));
  const entries = sorted.map(({ path, bytes, blobstoreId, sha }) => [
    path,
    { size: bytes, ...(blobstoreId !== null && { object_id: blobstoreId }), sha },
  ]);
  await writeWhole(join(dir, 'config', 'blobs.yml'), goYaml(Object.fromEntries(entries)));
}

async function holds(file: string, sha: string): Promise<boolean> {
  if ((await stat(file).catch(() => undefined))?.isFile() !== true) return false;
  try {
    checkDigest(file, sha, await digestOfFile(file, algorithmFor(sha) as 'sha256')); // any that node knows
    return true;
  } catch {
    return false;
  }
}

async function filesBelow(base: string, below = ''): Promise<string[]> {
  const names = await readdir(join(base, below)).catch(() => [] as string[]);
  const found: string[] = [];
  for (const name of names) {
    const path = join(below, name);
    const entry = await lstat(join(base, path));
    if (entry.isSymbolicLink())
      throw releaseDirInvalid(
        `blobs/${path} is a link`,
        'A CLI of long ago made it. Run reset-release, then sync-blobs.',
      );
    if (entry.isDirectory()) found.push(...(await filesBelow(base, path)));
    else found.push(path);
  }
  return found;
}
