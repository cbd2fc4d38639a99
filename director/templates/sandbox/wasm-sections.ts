/**
 * The same WebAssembly module with a limit on its own linear memory, in pages of 64 KiB. Ruby's build declares none,
 * and one template could ask for 4 GiB; at the limit Ruby raises NoMemoryError and goes on.
 * Source of the layout: https://webassembly.github.io/spec/core/binary/modules.html#memory-section
 */
export function capMemory(module: Uint8Array, pagesMax: number): Uint8Array {
  const memory = sectionOf(module, MEMORY_SECTION);
  const reader = { bytes: module, at: memory.bodyAt };
  const count = readLeb(reader);
  const flags = readLeb(reader);
  const pagesMin = readLeb(reader);
  if (count !== 1 || pagesMin > pagesMax) {
    throw new Error(`cannot limit the memory to ${pagesMax} pages: ${count} memories, the first of ${pagesMin} pages`);
  }
  const body = [...leb(1), flags | HAS_MAXIMUM, ...leb(pagesMin), ...leb(pagesMax)];
  const section = Uint8Array.from([MEMORY_SECTION, ...leb(body.length), ...body]);
  const rest = module.subarray(memory.endAt);
  const capped = new Uint8Array(memory.startAt + section.length + rest.length);
  capped.set(module.subarray(0, memory.startAt));
  capped.set(section, memory.startAt);
  capped.set(rest, memory.startAt + section.length);
  return capped;
}

/**
 * The same module without what it puts into a new memory: for instances whose memory is filled from a snapshot, which has
 * all of it. In Ruby's build that is its whole library: 20 MB that would be kept, and copied for each instance.
 */
export function withoutData(module: Uint8Array): Uint8Array {
  return [DATA_COUNT_SECTION, DATA_SECTION].reduce((rest, id) => {
    const { startAt, endAt } = sectionOf(rest, id);
    return Buffer.concat([rest.subarray(0, startAt), rest.subarray(endAt)]);
  }, module);
}

const MEMORY_SECTION = 5;
const DATA_SECTION = 11;
const DATA_COUNT_SECTION = 12;
const HAS_MAXIMUM = 1;
/** "\0asm" and the version. */
const HEADER_BYTES = 8;

function sectionOf(module: Uint8Array, id: number): { startAt: number; bodyAt: number; endAt: number } {
  const reader = { bytes: module, at: HEADER_BYTES };
  while (reader.at < module.length) {
    const startAt = reader.at;
    const found = module[reader.at++];
    const length = readLeb(reader);
    const bodyAt = reader.at;
    if (found === id) return { startAt, bodyAt, endAt: bodyAt + length };
    reader.at = bodyAt + length;
  }
  throw new Error(`the WebAssembly module has no section ${id}`);
}

/** Unsigned LEB128, as far as 32 bits. */
function readLeb(reader: { bytes: Uint8Array; at: number }): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) break;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value >>> 0;
  }
  throw new Error('the WebAssembly module is cut off or malformed');
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  do {
    const low = left & 0x7f;
    left >>>= 7;
    bytes.push(left > 0 ? low | 0x80 : low);
  } while (left > 0);
  return bytes;
}
