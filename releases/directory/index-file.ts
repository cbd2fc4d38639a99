import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { byBytes } from '../../common/archive-pack.ts';
import { isTextMap, readTextDocument, type TextMap } from '../text-document.ts';
import { goYaml } from '../go-yaml.ts';
import { releaseDirInvalid } from './place.ts';

/**
 * index.yml, by which a release directory remembers what was built: for jobs, packages and the license by fingerprint,
 * for releases by a UUID. Source: `releasedir/index/fs_index.go`, `releasedir/fs_release_index.go`.
 */
export interface BuildEntry {
  readonly version: string;
  /** Final builds only. */
  readonly blobstoreId?: string;
  /** Multi-digest of the archive; releases have none. */
  readonly sha1?: string;
}

/** By key. A file that isn't there holds nothing. @throws OperatorError `release-dir-invalid` */
export async function readIndex(file: string): Promise<Map<string, BuildEntry>> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const { root, faults } = readTextDocument(text);
  const [fault] = faults;
  if (fault !== undefined) throw releaseDirInvalid(`${file} is no YAML: ${fault.message}`);
  const builds = isTextMap(root) ? root['builds'] : undefined;
  return new Map(
    Object.entries(isTextMap(builds) ? builds : {}).flatMap(([key, entry]) =>
      isTextMap(entry) ? [[key, readEntry(key, entry)] as const] : [],
    ),
  );
}

function readEntry(key: string, entry: TextMap): BuildEntry {
  const { version, blobstore_id: blobstoreId, sha1 } = entry;
  return {
    version: typeof version === 'string' ? version : key,
    ...(typeof blobstoreId === 'string' && { blobstoreId }),
    ...(typeof sha1 === 'string' && { sha1 }),
  };
}

/** Sorted by key, as the CLI writes it; by another name first, so that a crash leaves the old file. */
export async function writeIndex(file: string, entries: ReadonlyMap<string, BuildEntry>): Promise<void> {
  const sorted = [...entries].sort(([a], [b]) => byBytes(a, b));
  const builds = Object.fromEntries(
    sorted.map(([key, { version, blobstoreId, sha1 }]) => [
      key,
      { version, ...(blobstoreId !== undefined && { blobstore_id: blobstoreId }), ...(sha1 !== undefined && { sha1 }) },
    ]),
  );
  await writeWhole(file, goYaml({ builds, 'format-version': '2' }));
}

export async function writeWhole(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}
