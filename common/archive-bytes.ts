import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';
import { cutShort, malformed, totalTooLarge } from './archive-errors.ts';
import { OperatorError } from './errors.ts';

// The bytes of an archive: how many there may be, how they are inflated, and how they are taken in the portions that
// the tar format wants.

export interface ArchiveLimits {
  /** All that an entry costs its reader is counted: directories and links too. */
  readonly entriesMax: number;
  readonly entryBytesMax: number;
  /** Of the archive, inflated. */
  readonly totalBytesMax: number;
  /** Inflated to deflated; looked at after `ratioFromBytes`, since a small file of zeroes is no attack. */
  readonly ratioMax: number;
  readonly ratioFromBytes: number;
}

const mib = 1024 * 1024;
const gib = 1024 * mib;

/** The biggest public releases hold about 5 GB and 100,000 files; deflate can't exceed 1,032 : 1. */
export const defaultArchiveLimits: ArchiveLimits = {
  entriesMax: 1_000_000,
  entryBytesMax: 16 * gib,
  totalBytesMax: 32 * gib,
  ratioMax: 200,
  ratioFromBytes: 256 * mib,
};

/** Pulls exact numbers of bytes out of chunks of any size. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #what: string;
  readonly #bytesMax: number;
  #chunk: Buffer = Buffer.alloc(0);
  #total = 0;

  constructor(chunks: AsyncIterable<Buffer>, what: string, bytesMax: number) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#what = what;
    this.#bytesMax = bytesMax;
  }

  /** Exactly `n` bytes, for headers: small. */
  async take(n: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let missing = n; missing > 0;) {
      const part = await this.some(missing);
      if (part.length === n) return part;
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** At least one byte, at most `n`; no copy. @throws OperatorError `archive-cut-short` */
  async some(n: number): Promise<Buffer> {
    while (this.#chunk.length === 0) if (!(await this.#fill())) throw cutShort(this.#what, this.#total);
    const part = this.#chunk.subarray(0, n);
    this.#chunk = this.#chunk.subarray(n);
    return part;
  }

  async skip(n: number): Promise<void> {
    for (let left = n; left > 0;) left -= (await this.some(left)).length;
  }

  /** What follows the end mark is padding; its size counts like any other. */
  async drain(): Promise<void> {
    while (await this.#fill());
  }

  async cancel(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #fill(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done === true) return false;
    this.#chunk = next.value;
    this.#total += next.value.length;
    if (this.#total > this.#bytesMax) throw totalTooLarge(this.#what, this.#bytesMax);
    return true;
  }
}

const magic = {
  gzip: Buffer.from([0x1f, 0x8b]),
  zstd: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
  xz: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]),
  bzip2: Buffer.from('BZh'),
};
const magicBytesMax = 6;

/** The plain tar, whatever the source was: told by its first bytes, as `tar -xf` does. */
export async function* inflated(
  source: Readable | AsyncIterable<Buffer>,
  what: string,
  limits: ArchiveLimits,
): AsyncGenerator<Buffer, void, undefined> {
  const { head, all } = await peek(source, magicBytesMax);
  const found = Object.entries(magic).find(([, bytes]) => head.subarray(0, bytes.length).equals(bytes))?.[0];
  if (found === undefined) return yield* all;
  if (found !== 'gzip') {
    await all.return();
    throw new OperatorError(`${what} is compressed with ${found}`, {
      code: 'archive-compression-unknown',
      hint: 'Make it a .tgz (tar -czf) or leave it uncompressed.',
      details: { what, compression: found },
    });
  }
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  pipeline(all, gunzip, () => {}); // errors of both arrive by the loop below
  let inflatedBytes = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      inflatedBytes += chunk.length;
      checkRatio(gunzip, inflatedBytes, what, limits);
      yield chunk;
    }
  } catch (thrown) {
    throw translateZlib(thrown, what, inflatedBytes);
  }
}

function checkRatio(gunzip: Gunzip, inflatedBytes: number, what: string, { ratioMax, ratioFromBytes }: ArchiveLimits) {
  if (inflatedBytes < ratioFromBytes || inflatedBytes <= ratioMax * gunzip.bytesWritten) return;
  throw new OperatorError(`${what} inflates to more than ${ratioMax} times its size`, {
    code: 'archive-too-large',
    hint: 'That is how archives look that are made to fill a disk. If it is meant, upload it uncompressed.',
    details: { what, inflatedBytes, deflatedBytes: gunzip.bytesWritten, ratioMax },
  });
}

function translateZlib(thrown: unknown, what: string, inflatedBytes: number): unknown {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'Z_BUF_ERROR') return cutShort(what, inflatedBytes, thrown);
  if (code === 'Z_DATA_ERROR' || code === 'Z_STREAM_ERROR') return malformed(what, 'its gzip data is damaged', thrown);
  return thrown;
}

/** The first bytes, and everything (those bytes included). */
async function peek(source: Readable | AsyncIterable<Buffer>, n: number) {
  const chunks = (source as AsyncIterable<Buffer>)[Symbol.asyncIterator](); // a Readable of bytes yields Buffers
  let head: Buffer = Buffer.alloc(0);
  while (head.length < n) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* all(): AsyncGenerator<Buffer, void, undefined> {
    try {
      if (head.length > 0) yield head;
      for (;;) {
        const next = await chunks.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await chunks.return?.();
    }
  }
  return { head, all: all() };
}
