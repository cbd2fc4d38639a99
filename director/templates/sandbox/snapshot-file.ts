import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { emptySnapshot, PAGE_BYTES, type Snapshot } from './snapshot.ts';

/**
 * A snapshot on disk: a header of three 32-bit numbers (format, pages in all, pages used), the
 * SHA-256 of what follows, the numbers of the pages used, the pages. Little-endian, as WebAssembly is. The key is in the name.
 */
const FORMAT = 2;
const HEADER_NUMBERS = 3;
const DIGEST_BYTES = 32;
const HEADER_BYTES = HEADER_NUMBERS * 4 + DIGEST_BYTES;
const NAME = /^ruby-[0-9a-f]{64}\.snapshot$/;

/** Undefined when there is none, or when it is damaged: then it is made anew. */
export async function loadSnapshot(dir: string, key: string): Promise<Snapshot | undefined> {
  let file: FileHandle;
  try {
    file = await open(join(dir, nameOf(key)), 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // what node:fs throws
    throw error;
  }
  try {
    return await readFrom(file);
  } finally {
    await file.close();
  }
}

export async function hasSnapshot(dir: string, key: string): Promise<boolean> {
  return readdir(dir).then(
    (names) => names.includes(nameOf(key)),
    () => false, // no such folder
  );
}

async function readFrom(file: FileHandle): Promise<Snapshot | undefined> {
  const header = Buffer.alloc(HEADER_BYTES);
  await file.read(header, 0, HEADER_BYTES, 0);
  const [format, total, used] = [header.readUInt32LE(0), header.readUInt32LE(4), header.readUInt32LE(8)];
  const { size } = await file.stat();
  if (format !== FORMAT || size !== HEADER_BYTES + used * (4 + PAGE_BYTES)) return undefined;
  const snapshot = emptySnapshot(total, used);
  const numbers = bytesOf(snapshot.pages);
  await readFully(file, numbers, HEADER_BYTES);
  await readFully(file, snapshot.content, HEADER_BYTES + numbers.length);
  return digestOf(snapshot).equals(header.subarray(HEADER_NUMBERS * 4)) ? snapshot : undefined;
}

/** Appears whole or not at all; those of other versions of the program go. */
export async function storeSnapshot(dir: string, key: string, snapshot: Snapshot): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const header = Buffer.alloc(HEADER_BYTES);
  [FORMAT, snapshot.pagesTotal, snapshot.pages.length].forEach((number, at) => header.writeUInt32LE(number, at * 4));
  digestOf(snapshot).copy(header, HEADER_NUMBERS * 4);
  const partial = join(dir, `ruby-${randomUUID()}.partial`);
  try {
    const file = await open(partial, 'wx', 0o600);
    try {
      for (const part of [header, bytesOf(snapshot.pages), snapshot.content]) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, join(dir, nameOf(key)));
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  for (const name of await readdir(dir)) {
    if (NAME.test(name) && name !== nameOf(key)) await rm(join(dir, name), { force: true });
  }
}

function nameOf(key: string): string {
  return `ruby-${key}.snapshot`;
}

function digestOf({ pages, content }: Snapshot): Buffer {
  return createHash('sha256').update(bytesOf(pages)).update(content).digest();
}

function bytesOf(numbers: Uint32Array<SharedArrayBuffer>): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(numbers.buffer);
}

async function readFully(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < into.length;) {
    const { bytesRead } = await file.read(into, at, into.length - at, position + at);
    if (bytesRead === 0) return; // cut off since its size was asked: the digest tells
    at += bytesRead;
  }
}
