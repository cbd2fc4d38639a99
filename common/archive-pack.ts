import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { Header, Pax } from 'tar';

/** One thing to pack. A file's body must have exactly `size` bytes. */
export interface PackEntry {
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  readonly mtimeS?: number;
  readonly linkpath?: string;
  readonly size?: number;
  /** Opened when its turn comes, so that a thousand blobs don't mean a thousand open files. */
  readonly body?: () => Promise<AsyncIterable<Buffer | Uint8Array>> | AsyncIterable<Buffer | Uint8Array>;
}

export interface PackOptions {
  /** Default true. Already compressed contents (a release of tgz files) gain nothing from it but time. */
  readonly gzip?: boolean;
  /** zlib level; default 6 as gzip's. */
  readonly level?: number;
  /** Before each path; BOSH's own archives have `./`. */
  readonly prefix?: './' | '';
}

const blockBytes = 512;
const zeros = Buffer.alloc(2 * blockBytes);

/**
 * A tgz (or tar) of these entries, in their order, as a stream; owner is root, times are those given or 0: the same
 * entries make the same bytes. Errors of a body, and a body of another size than was said, destroy the stream.
 */
export function packArchive(
  entries: Iterable<PackEntry> | AsyncIterable<PackEntry>,
  { gzip = true, level = 6, prefix = '' }: PackOptions = {},
): Readable {
  const tar = Readable.from(tarBytes(entries, prefix), { objectMode: false, highWaterMark: 256 * 1024 });
  if (!gzip) return tar;
  const compressed = createGzip({ level, chunkSize: 64 * 1024 });
  tar.on('error', (error) => compressed.destroy(error));
  compressed.on('close', () => tar.destroy());
  return tar.pipe(compressed);
}

/** Everything below `dir`, parents first, names in byte order. Links stay links. Other than files, directories and links: an error. */
export async function* entriesOf(
  dir: string,
  { mtimeS = 0 }: { mtimeS?: number | 'keep' } = {},
): AsyncGenerator<PackEntry> {
  yield* entriesBelow(dir, '', mtimeS);
}

async function* entriesBelow(dir: string, below: string, mtimeS: number | 'keep'): AsyncGenerator<PackEntry> {
  const names = await readdir(join(dir, below));
  names.sort(byBytes);
  for (const name of names) {
    const path = below === '' ? name : `${below}/${name}`;
    const entry = await entryFor(join(dir, path), path, mtimeS);
    yield entry;
    if (entry.type === 'directory') yield* entriesBelow(dir, path, mtimeS);
  }
}

/** The entry for one file, directory or link on disk, under the name it shall have. */
export async function entryFor(full: string, path: string, mtimeS: number | 'keep' = 0): Promise<PackEntry> {
  const found = await lstat(full);
  const common = {
    path,
    mode: found.mode & 0o7777,
    mtimeS: mtimeS === 'keep' ? Math.floor(found.mtimeMs / 1000) : mtimeS,
  };
  if (found.isDirectory()) return { ...common, type: 'directory' };
  if (found.isSymbolicLink()) return { ...common, type: 'symlink', mode: 0o777, linkpath: await readlink(full) };
  if (found.isFile())
    return {
      ...common,
      type: 'file',
      size: found.size,
      body: () => createReadStream(full, { highWaterMark: 256 * 1024 }),
    };
  throw new Error(`${full} is neither a file nor a directory nor a link`);
}

/** A file that is already in memory. */
export function textEntry(path: string, text: string | Buffer, mode = 0o644): PackEntry {
  const bytes = Buffer.from(text);
  return { path, type: 'file', mode, size: bytes.length, body: () => Readable.from([bytes]) };
}

/** As Go and C order strings: by their bytes, whatever the locale. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

async function* tarBytes(
  entries: Iterable<PackEntry> | AsyncIterable<PackEntry>,
  prefix: string,
): AsyncGenerator<Buffer> {
  for await (const entry of entries) {
    yield headerOf(entry, prefix);
    if (entry.type !== 'file') continue;
    const size = entry.size ?? 0;
    let seen = 0;
    for await (const chunk of (await entry.body?.()) ?? []) {
      seen += chunk.length;
      if (seen > size) break;
      yield chunk instanceof Buffer ? chunk : Buffer.from(chunk);
    }
    // The header with the size is gone by now: half an archive is better than a wrong one.
    if (seen !== size) throw new Error(`${entry.path} has another size than the ${size} bytes it was said to have`);
    const padding = (blockBytes - (size % blockBytes)) % blockBytes;
    if (padding > 0) yield zeros.subarray(0, padding);
  }
  yield zeros;
}

const typeNames = { file: 'File', directory: 'Directory', symlink: 'SymbolicLink' } as const;

function headerOf(entry: PackEntry, prefix: string): Buffer {
  const fields = {
    path: prefix + entry.path + (entry.type === 'directory' ? '/' : ''),
    type: typeNames[entry.type],
    mode: entry.mode,
    uid: 0,
    gid: 0,
    uname: 'root',
    gname: 'root',
    size: entry.size ?? 0,
    mtime: new Date((entry.mtimeS ?? 0) * 1000),
    ...(entry.linkpath === undefined ? {} : { linkpath: entry.linkpath }),
  };
  const header = new Header(fields);
  if (!header.encode()) return blockOf(header);
  const { path, size, linkpath } = { linkpath: undefined, ...fields };
  const pax = new Pax({ path, size, ...(linkpath === undefined ? {} : { linkpath }) }, false);
  return Buffer.concat([pax.encode(), blockOf(header)]);
}

function blockOf(header: Header): Buffer {
  if (header.block === undefined) throw new Error('encode() fills the block');
  return header.block;
}
