/**
 * The memory of a Ruby that has started and loaded everything: a new VM that begins with it is ready in some
 * milliseconds instead of a second. Most of what Ruby has asked for is still zero, and stays out.
 */
export interface Snapshot {
  readonly pagesTotal: number;
  /** Which pages `content` holds, ascending. */
  readonly pages: Uint32Array<SharedArrayBuffer>;
  /** Those pages, one after the other. Shared between all threads, none of which writes to it. */
  readonly content: Uint8Array<SharedArrayBuffer>;
}

export const PAGE_BYTES = 65_536;
const WORDS_PER_PAGE = PAGE_BYTES / 8;

/** To be taken between two calls only: the WebAssembly stack is not part of the memory. */
export function takeSnapshot({ buffer }: WebAssembly.Memory): Snapshot {
  const bytes = new Uint8Array(buffer);
  const words = new BigUint64Array(buffer);
  const pagesTotal = bytes.length / PAGE_BYTES;
  const used = Array.from({ length: pagesTotal }, (_, page) => page).filter((page) =>
    words.subarray(page * WORDS_PER_PAGE, (page + 1) * WORDS_PER_PAGE).some((word) => word !== 0n),
  );
  const snapshot = emptySnapshot(pagesTotal, used.length);
  snapshot.pages.set(used);
  used.forEach((page, at) => snapshot.content.set(pageOf(bytes, page), at * PAGE_BYTES));
  return snapshot;
}

export function emptySnapshot(pagesTotal: number, pagesUsed: number): Snapshot {
  return {
    pagesTotal,
    pages: new Uint32Array(new SharedArrayBuffer(pagesUsed * Uint32Array.BYTES_PER_ELEMENT)),
    content: new Uint8Array(new SharedArrayBuffer(pagesUsed * PAGE_BYTES)),
  };
}

/** Into a memory of zeros. Pages that it does not have are not touched: they are zero, and cost nothing so. */
export function restoreSnapshot(snapshot: Snapshot, memory: WebAssembly.Memory): void {
  const pagesBefore = memory.buffer.byteLength / PAGE_BYTES;
  if (snapshot.pagesTotal > pagesBefore) memory.grow(snapshot.pagesTotal - pagesBefore);
  const bytes = new Uint8Array(memory.buffer);
  snapshot.pages.forEach((page, at) => bytes.set(pageOf(snapshot.content, at), page * PAGE_BYTES));
}

function pageOf<T extends ArrayBufferLike>(bytes: Uint8Array<T>, page: number): Uint8Array<T> {
  return bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
}
