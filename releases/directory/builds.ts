import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { algorithmFor, checkDigest } from '../../common/digest.ts';
import { OperatorError } from '../../common/errors.ts';
import type { ReleaseBlobstore } from './blobstore.ts';
import { digestOfFile } from './fingerprint.ts';
import { readIndex, writeIndex } from './index-file.ts';
import { pathBelow, type ReleasePlace } from './place.ts';

export type BuildKind = 'jobs' | 'packages' | 'license';

/** An inner archive that is built: a file in the cache, and its digest. */
export interface Build {
  readonly file: string;
  readonly sha1: string;
}

/** What was built before, in one of the two indexes of a release directory, and the archives themselves in the cache. */
export class Builds {
  readonly #place: ReleasePlace;
  readonly #index: 'dev' | 'final';
  readonly #blobstore: ReleaseBlobstore | null;

  /** @param blobstore for final builds; dev builds are in the cache only */
  constructor(place: ReleasePlace, blobstore: ReleaseBlobstore | null) {
    this.#place = place;
    this.#index = blobstore === null ? 'dev' : 'final';
    this.#blobstore = blobstore;
  }

  /**
   * Undefined: never built, or (of dev builds) no longer in the cache.
   * @throws OperatorError `blob-missing` | `digest-mismatch` for final builds, whose archive must not change
   */
  async find(kind: BuildKind, name: string, fingerprint: string): Promise<Build | undefined> {
    const entries = [...(await readIndex(this.#file(kind, name))).values()];
    const entry = entries.find(({ version }) => version === fingerprint);
    if (entry?.sha1 === undefined) return undefined;
    const file = pathBelow(this.#place.cacheDir, entry.sha1);
    if (await isFile(file)) {
      checkDigest(
        `${file} (the archive of ${name}/${fingerprint})`,
        entry.sha1,
        await digestOfFile(file, algorithmFor(entry.sha1) as 'sha256'),
      ); // any that node knows
      return { file, sha1: entry.sha1 };
    }
    if (this.#blobstore === null) return undefined;
    if (entry.blobstoreId === undefined) throw notKept(name, fingerprint);
    await mkdir(this.#place.cacheDir, { recursive: true });
    const fetched = `${file}.${this.#place.chance.hex(4)}`;
    await this.#blobstore.get(entry.blobstoreId, entry.sha1, fetched);
    await rename(fetched, file);
    this.#place.report({ kind: 'blob-downloaded', what: `${name}/${fingerprint}` });
    return { file, sha1: entry.sha1 };
  }

  /** Keeps an archive in the cache (and a final one in the blobstore), and remembers it. The file stays the caller's. */
  async add(kind: BuildKind, name: string, fingerprint: string, { file, sha1 }: Build): Promise<Build> {
    const index = this.#file(kind, name);
    const kept = pathBelow(this.#place.cacheDir, sha1);
    if (!(await isFile(kept))) await copyWhole(file, kept, this.#place);
    const blobstoreId = await this.#blobstore?.create(kept);
    const entries = await readIndex(index);
    entries.set(fingerprint, { version: fingerprint, sha1, ...(blobstoreId !== undefined && { blobstoreId }) });
    await writeIndex(index, entries);
    this.#place.report({ kind: 'index-entry-added', index: this.#index, what: `${kind} ${name}/${fingerprint}` });
    return { file: kept, sha1 };
  }

  #file(kind: BuildKind, name: string): string {
    const base = join(this.#place.dir, `.${this.#index}_builds`, kind);
    return kind === 'license' ? join(base, 'index.yml') : join(pathBelow(base, name), 'index.yml');
  }
}

async function copyWhole(from: string, to: string, { cacheDir, chance }: ReleasePlace): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const half = `${to}.${chance.hex(4)}`;
  try {
    await copyFile(from, half);
    await rename(half, to);
  } catch (error) {
    await rm(half, { force: true });
    throw error;
  }
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

function notKept(name: string, fingerprint: string): OperatorError {
  return new OperatorError(`the final build ${name}/${fingerprint} is in no blobstore, and not in the cache`, {
    code: 'blob-missing',
    hint: 'Its index has no blobstore_id. Get the index from whoever made the build.',
    details: { name, fingerprint },
  });
}
