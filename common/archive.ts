import type { Readable } from 'node:stream';
import { Header, Pax } from 'tar';
import { type ArchiveLimits, ByteSource, defaultArchiveLimits, inflated } from './archive-bytes.ts';
import { entryTooLarge, malformed, tooManyEntries, unsafePath } from './archive-errors.ts';
import { OperatorError } from './errors.ts';

/**
 * Reading tar archives as streams: neither the archive nor an entry is ever held in memory, and inflating happens
 * on zlib's own threads. Headers are decoded by node-tar; its Parser is not used, because it inflates on the event
 * loop, keeps whatever follows the end mark in memory, and takes a plain tar that was cut at a block for a whole one.
 */
export type EntryType = 'file' | 'directory' | 'symlink' | 'hardlink';

export interface ArchiveEntry {
  /** Relative, with `/`, without `.` and `..`: `./jobs//web.tgz` reads as `jobs/web.tgz`. The root itself is `.`. */
  readonly path: string;
  readonly type: EntryType;
  /** Bytes of the body; 0 for everything but files. */
  readonly size: number;
  /** Permission bits, set-uid ones included. */
  readonly mode: number;
  /** Seconds since the epoch; may hold a fraction. */
  readonly mtimeS: number;
  /** As the archive has it: for a hard link a path in the archive, for a symbolic link its target. Empty otherwise. */
  readonly linkpath: string;
  /** Can be read once, and only until the next entry is asked for. What isn't read is skipped. */
  readonly body: AsyncIterable<Buffer>;
}

/** A long name or a pax header; both are text that must be held. */
const metaBytesMax = 1024 * 1024;
const blockBytes = 512;

export interface ReadArchiveOptions {
  /** What the archive is, for messages: `release greeter/1`. */
  readonly what: string;
  readonly limits?: Partial<ArchiveLimits>;
}

/**
 * The entries of a tar or tgz, in order. Reads the source to its end, so that digests and checksums around it hold.
 * Leaving the loop early destroys the source.
 *
 * @throws OperatorError `archive-malformed` | `archive-cut-short` | `archive-unsafe-path` | `archive-unsafe-type` |
 *   `archive-too-many-entries` | `archive-too-large` | `archive-compression-unknown`; errors of the source pass as they are
 */
export async function* readArchive(
  source: Readable | AsyncIterable<Buffer>,
  { what, limits }: ReadArchiveOptions,
): AsyncGenerator<ArchiveEntry, void, undefined> {
  const all = { ...defaultArchiveLimits, ...limits };
  const bytes = new ByteSource(inflated(source, what, all), what, all.totalBytesMax);
  try {
    let entries = 0;
    for (;;) {
      const header = await nextHeader(bytes, what);
      if (header === undefined) break;
      if (++entries > all.entriesMax) throw tooManyEntries(what, all.entriesMax);
      const entry = describe(header, what);
      if (header.size > all.entryBytesMax) throw entryTooLarge(what, entry.path, header.size, all.entryBytesMax);
      const body = new Body(bytes, header.size);
      yield { ...entry, size: entry.type === 'file' ? header.size : 0, body };
      await body.close();
    }
    await bytes.drain();
  } finally {
    await bytes.cancel();
  }
}

/** All of a small entry. @throws OperatorError `archive-too-large` when it is more than `bytesMax` */
export async function entryBytes(entry: ArchiveEntry, what: string, bytesMax: number): Promise<Buffer> {
  if (entry.size > bytesMax) throw entryTooLarge(what, entry.path, entry.size, bytesMax);
  const chunks: Buffer[] = [];
  for await (const chunk of entry.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

interface RawHeader {
  readonly path: string;
  readonly linkpath: string;
  readonly typeName: string;
  readonly mode: number;
  readonly mtimeS: number;
  readonly size: number;
}

/** The next header that describes a file; long names and pax attributes are already in it. Undefined: the end mark. */
async function nextHeader(bytes: ByteSource, what: string): Promise<RawHeader | undefined> {
  let local: Pax | undefined;
  let global: Pax | undefined;
  for (;;) {
    const block = await bytes.take(blockBytes);
    const header = decode(block, local, global, what);
    if (header.nullBlock) return undefined;
    const size = header.size ?? 0;
    const type: string = header.type;
    switch (type) {
      case 'ExtendedHeader':
      case 'OldExtendedHeader':
        local = Pax.parse(await meta(bytes, size, what), local, false);
        break;
      case 'GlobalExtendedHeader':
        global = Pax.parse(await meta(bytes, size, what), global, true);
        break;
      case 'NextFileHasLongPath':
      case 'OldGnuLongPath':
        local = extend(local, { path: withoutNul(await meta(bytes, size, what)) });
        break;
      case 'NextFileHasLongLinkpath':
        local = extend(local, { linkpath: withoutNul(await meta(bytes, size, what)) });
        break;
      case 'TapeVolumeHeader': // a label, an ACL: true of the archive or of its system, nothing to extract
      case 'SolarisACL':
      case 'Inode':
        await bytes.skip(padded(size));
        break;
      default:
        return {
          // node-tar puts the ustar prefix before a pax path; the pax path is the whole one
          path: local?.path ?? header.path ?? '',
          linkpath: local?.linkpath ?? header.linkpath ?? '',
          typeName: type,
          mode: header.mode ?? 0o644,
          mtimeS: (header.mtime?.getTime() ?? 0) / 1000,
          size: type === 'Link' ? 0 : size, // as GNU tar: some writers note the size of the file linked to
        };
    }
  }
}

function decode(block: Buffer, local: Pax | undefined, global: Pax | undefined, what: string): Header {
  let header: Header;
  try {
    header = new Header(block, 0, local, global);
  } catch (thrown) {
    throw malformed(what, 'a header holds a number that is none', thrown);
  }
  if (!header.nullBlock && !header.cksumValid) throw malformed(what, 'a header does not match its checksum');
  return header;
}

function extend(pax: Pax | undefined, fields: { path?: string; linkpath?: string }): Pax {
  return Object.assign(pax ?? new Pax({}, false), fields);
}

async function meta(bytes: ByteSource, size: number, what: string): Promise<string> {
  if (size > metaBytesMax) throw malformed(what, `a name of ${size} bytes (at most ${metaBytesMax})`);
  const block = await bytes.take(padded(size));
  const text = block.subarray(0, size).toString('utf8');
  if (text.includes('GNU.sparse.')) throw malformed(what, 'sparse files are not supported: make it without --sparse');
  return text;
}

const withoutNul = (text: string) => text.replace(/\0.*$/s, '');
const padded = (size: number) => Math.ceil(size / blockBytes) * blockBytes;

function describe(header: RawHeader, what: string): Omit<ArchiveEntry, 'body' | 'size'> {
  const type = entryType(header, what);
  const path = safePath(header.path, what);
  if ((type === 'symlink' || type === 'hardlink') && header.linkpath === '') {
    throw malformed(what, `${path}: a link to nowhere`);
  }
  return { path, type, mode: header.mode & 0o7777, mtimeS: header.mtimeS, linkpath: header.linkpath };
}

function entryType({ typeName, path }: RawHeader, what: string): EntryType {
  switch (typeName) {
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
      return 'file';
    case 'Directory':
    case 'GNUDumpDir':
      return 'directory';
    case 'SymbolicLink':
      return 'symlink';
    case 'Link':
      return 'hardlink';
    default:
      throw new OperatorError(`${what}: "${path}" is a ${typeName}, which has no place in such an archive`, {
        code: 'archive-unsafe-type',
        hint: 'Archives hold files, directories and links. Make it anew without devices, pipes and sparse files.',
        details: { what, path, type: typeName },
      });
  }
}

/** @throws OperatorError `archive-unsafe-path` */
function safePath(path: string, what: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (path.startsWith('/')) throw unsafePath(what, path, 'it is absolute');
  if (parts.includes('..')) throw unsafePath(what, path, 'it leaves the archive');
  if (path.includes('\uFFFD')) throw unsafePath(what, path, 'it is not UTF-8');
  return parts.length === 0 ? '.' : parts.join('/');
}

/** A body that its reader left early is skipped to its end, so that the next header is found. */
class Body implements AsyncIterable<Buffer> {
  readonly #bytes: ByteSource;
  readonly #padding: number;
  #remain: number;
  #state: 'fresh' | 'open' | 'closed' = 'fresh';

  constructor(bytes: ByteSource, size: number) {
    this.#bytes = bytes;
    this.#remain = size;
    this.#padding = padded(size) - size;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    if (this.#state !== 'fresh') throw new Error('the body of an archive entry can be read once, while it is current');
    this.#state = 'open';
    while (this.#remain > 0) {
      const chunk = await this.#bytes.some(this.#remain);
      this.#remain -= chunk.length;
      yield chunk;
      if ((this.#state as string) === 'closed') throw new Error('the archive was moved on while this body was read');
    }
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    await this.#bytes.skip(this.#remain + this.#padding);
    this.#remain = 0;
  }
}
