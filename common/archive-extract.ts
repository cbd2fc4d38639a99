import { constants } from 'node:fs';
import { chmod, link, lstat, mkdir, open, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { malformed, unsafePath } from './archive-errors.ts';
import { type ArchiveEntry, entryBytes, readArchive, type ReadArchiveOptions } from './archive.ts';

export interface ExtractOptions extends ReadArchiveOptions {
  /**
   * Strict (the default) is for what strangers upload: symbolic links must stay inside, set-uid bits are dropped.
   * Trusted is for packages that the director vouches for with a digest: their links may point anywhere, as those of
   * BOSH packages do (`/var/vcap/...`). In neither is anything ever written through a link, or outside of `dir`.
   */
  readonly trusted?: boolean;
  /** Who shall own what is unpacked; needs root. Without it: the user we run as, as with `tar --no-same-owner`. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Entries for which it says false are skipped. */
  readonly filter?: (entry: ArchiveEntry) => boolean;
}

export interface Extracted {
  readonly entries: number;
  readonly bytes: number;
}

/** Bodies up to this size are written in one go and beside each other: opening files costs more than filling them. */
const smallBytesMax = 256 * 1024;
/** Bounds the memory for small bodies to 4 MiB. */
const smallWritesMax = 16;

/**
 * Unpacks a tar or tgz into an existing directory, which nobody else may be writing to meanwhile. Files already
 * there are replaced, modes and times are those of the archive. On an error what was unpacked so far stays: the
 * caller owns the directory and removes it.
 *
 * @throws OperatorError those of `readArchive`
 */
export async function extractArchive(
  source: Readable | AsyncIterable<Buffer>,
  dir: string,
  options: ExtractOptions,
): Promise<Extracted> {
  const target = new Target(dir, options);
  let entries = 0;
  let bytes = 0;
  try {
    for await (const entry of readArchive(source, options)) {
      if (options.filter?.(entry) === false) continue;
      await target.add(entry);
      entries += 1;
      bytes += entry.size;
    }
    await target.finish();
  } finally {
    await target.settle();
  }
  return { entries, bytes };
}

/**
 * INVARIANTS
 * - Every directory in `#directories` was seen to be a real one (not a link) and is never removed or replaced.
 * - An entry is made only in such a directory, and only under a name that is free or was just freed.
 * - Small writes may be under way at once, never two on one path, and none when anything but a small file is made.
 */
class Target {
  readonly #dir: string;
  readonly #options: ExtractOptions;
  readonly #directories = new Set<string>(['.']);
  /** Set last, so that a directory without write permission can still be filled. */
  readonly #directoryModes = new Map<string, number>();
  readonly #writing = new Map<string, Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(dir: string, options: ExtractOptions) {
    this.#dir = dir;
    this.#options = options;
  }

  async add(entry: ArchiveEntry): Promise<void> {
    if (entry.path === '.') return;
    await this.#ensureDirectory(parentOf(entry.path), entry.path);
    switch (entry.type) {
      case 'directory':
        await this.#ensureDirectory(entry.path, entry.path);
        this.#directoryModes.set(entry.path, this.#mode(entry));
        return;
      case 'file':
        if (entry.size <= smallBytesMax) return this.#addSmall(entry);
        await this.settle();
        return this.#writeFile(entry, entry.body);
      case 'symlink':
        await this.settle();
        this.#checkSymlink(entry);
        await this.#free(entry.path);
        await symlink(entry.linkpath, join(this.#dir, entry.path));
        return;
      case 'hardlink':
        await this.settle();
        return this.#addHardlink(entry);
    }
  }

  async finish(): Promise<void> {
    await this.settle();
    if (this.#failure !== undefined) throw this.#failure.error;
    const { owner } = this.#options;
    for (const [path, mode] of [...this.#directoryModes].reverse()) {
      const full = join(this.#dir, path);
      if (owner !== undefined) await chown(full, owner);
      await chmod(full, mode);
    }
  }

  /** Until no write is under way. Failures surface in `add` and `finish`. */
  async settle(): Promise<void> {
    await Promise.all(this.#writing.values());
  }

  async #addSmall(entry: ArchiveEntry): Promise<void> {
    const bytes = await entryBytes(entry, this.#options.what, smallBytesMax);
    if (this.#writing.size >= smallWritesMax) await Promise.race(this.#writing.values());
    await this.#writing.get(entry.path); // the same name twice: the later one wins
    if (this.#failure !== undefined) throw this.#failure.error;
    const write = this.#writeFile(entry, [bytes])
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#writing.delete(entry.path));
    this.#writing.set(entry.path, write);
  }

  async #writeFile(entry: ArchiveEntry, body: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<void> {
    const full = join(this.#dir, entry.path);
    const file = await this.#openNew(entry.path, full);
    try {
      for await (const chunk of body) await file.writeFile(chunk);
      if (this.#options.owner !== undefined) await file.chown(this.#options.owner.uid, this.#options.owner.gid);
      await file.chmod(this.#mode(entry));
      await file.utimes(entry.mtimeS, entry.mtimeS); // make compares them
    } finally {
      await file.close();
    }
  }

  /** Exclusive creation: whatever has the name is removed, never opened. */
  async #openNew(path: string, full: string) {
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;
    try {
      return await open(full, flags, 0o600);
    } catch (thrown) {
      if (!hasCode(thrown, 'EEXIST')) throw thrown;
      await this.#free(path);
      return open(full, flags, 0o600);
    }
  }

  async #addHardlink(entry: ArchiveEntry): Promise<void> {
    const { what } = this.#options;
    const parts = entry.linkpath.split('/').filter((part) => part !== '' && part !== '.');
    if (entry.linkpath.startsWith('/') || parts.includes('..') || parts.length === 0) {
      throw unsafePath(what, entry.path, `it is a hard link to "${entry.linkpath}", outside of the archive`);
    }
    const target = parts.join('/');
    if (target === entry.path) return;
    await this.#checkParents(target, entry.path);
    const found = await lstat(join(this.#dir, target)).catch(() => undefined);
    if (found === undefined || found.isDirectory()) {
      throw malformed(what, `${entry.path}: a hard link to "${target}", which is no file before it`);
    }
    await this.#free(entry.path);
    await link(join(this.#dir, target), join(this.#dir, entry.path));
  }

  /**
   * Only leading `..`, counted from a directory that is really there: behind a name, `..` could mean the parent of
   * wherever a link leads.
   */
  #checkSymlink({ path, linkpath }: ArchiveEntry): void {
    const { what, trusted = false } = this.#options;
    if (trusted) return;
    if (linkpath.startsWith('/')) throw unsafePath(what, path, `it links to "${linkpath}", an absolute path`);
    const parts = linkpath.split('/').filter((part) => part !== '' && part !== '.');
    const up = parts.findIndex((part) => part !== '..');
    const ups = up === -1 ? parts.length : up;
    const depth = path.split('/').length - 1;
    if (ups > depth || parts.slice(ups).includes('..')) {
      throw unsafePath(what, path, `it links to "${linkpath}", outside of the archive`);
    }
  }

  /** Makes `path` and its parents, or finds them to be directories. */
  async #ensureDirectory(path: string, forEntry: string): Promise<void> {
    if (this.#directories.has(path)) return;
    await this.#ensureDirectory(parentOf(path), forEntry);
    await this.#writing.get(path);
    const full = join(this.#dir, path);
    try {
      await mkdir(full, 0o755);
    } catch (thrown) {
      if (!hasCode(thrown, 'EEXIST')) throw thrown;
      await this.#mustBeDirectory(path, forEntry);
    }
    this.#directories.add(path);
  }

  async #checkParents(path: string, forEntry: string): Promise<void> {
    for (let parent = parentOf(path); parent !== '.'; parent = parentOf(parent)) {
      if (!this.#directories.has(parent)) await this.#mustBeDirectory(parent, forEntry);
    }
  }

  async #mustBeDirectory(path: string, forEntry: string): Promise<void> {
    const { what } = this.#options;
    const found = await lstat(join(this.#dir, path)).catch(() => undefined);
    if (found?.isSymbolicLink() === true) throw unsafePath(what, forEntry, `"${path}" is a link`);
    if (found?.isDirectory() !== true) throw malformed(what, `${forEntry}: "${path}" is no directory`);
  }

  /** Makes the name free. @throws OperatorError `archive-malformed` when a directory has it */
  async #free(path: string): Promise<void> {
    if (this.#directories.has(path)) throw malformed(this.#options.what, `${path}: a directory, then something else`);
    const full = join(this.#dir, path);
    const found = await lstat(full).catch(() => undefined);
    if (found === undefined) return;
    if (found.isDirectory()) throw malformed(this.#options.what, `${path}: a directory has this name`);
    await rm(full);
  }

  #mode(entry: ArchiveEntry): number {
    return entry.mode & (this.#options.trusted === true ? 0o7777 : 0o777);
  }
}

function parentOf(path: string): string {
  return dirname(path);
}

async function chown(full: string, owner: { uid: number; gid: number }): Promise<void> {
  const dir = await open(full, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await dir.chown(owner.uid, owner.gid);
  } finally {
    await dir.close();
  }
}

function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}
