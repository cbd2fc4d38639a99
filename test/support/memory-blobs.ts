import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Chance } from '../../common/chance.ts';
import { OperatorError } from '../../common/errors.ts';
import { id, type BlobId } from '../../common/ids.ts';
import type { Blobstore } from '../../director/blobs/blobstore.ts';

/** A blobstore in memory; as strict as the real ones: unknown ids fail. */
export class MemoryBlobs implements Blobstore {
  readonly #blobs = new Map<BlobId, { bytes: Buffer; modifiedAtMs: number }>();
  readonly #chance: Chance;
  readonly #now: () => number;

  /** @param now without it, every blob is old */
  constructor(chance: Chance, now: () => number = () => 0) {
    this.#chance = chance;
    this.#now = now;
  }

  async put(content: Readable) {
    const chunks: Buffer[] = [];
    for await (const chunk of content) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const blobId = id<BlobId>(this.#chance.uuid());
    this.#blobs.set(blobId, { bytes, modifiedAtMs: this.#now() });
    const hex = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex');
    return { blobId, bytes: bytes.length, sha1: hex('sha1'), sha256: hex('sha256') };
  }

  get(blobId: BlobId): Promise<Readable> {
    const found = this.#blobs.get(blobId);
    if (found !== undefined) return Promise.resolve(Readable.from([found.bytes]));
    return Promise.reject(new OperatorError(`no blob ${blobId}`, { code: 'blob-not-found' }));
  }

  size(blobId: BlobId): Promise<number | undefined> {
    return Promise.resolve(this.#blobs.get(blobId)?.bytes.length);
  }

  delete(blobId: BlobId): Promise<void> {
    this.#blobs.delete(blobId);
    return Promise.resolve();
  }

  /** As if this much time had passed since they came. */
  age(ms: number): void {
    for (const blob of this.#blobs.values()) blob.modifiedAtMs -= ms;
  }

  async *list() {
    for (const [blobId, { bytes, modifiedAtMs }] of this.#blobs) yield { blobId, bytes: bytes.length, modifiedAtMs };
  }

  agentSettings() {
    return { provider: 'local', options: {} };
  }
}
