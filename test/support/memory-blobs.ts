import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Chance } from '../../common/chance.ts';
import { OperatorError } from '../../common/errors.ts';
import { id, type BlobId } from '../../common/ids.ts';
import type { Blobstore } from '../../director/blobs/blobstore.ts';

/** A blobstore in memory; as strict as the real ones: unknown ids fail. */
export class MemoryBlobs implements Blobstore {
  readonly #blobs = new Map<BlobId, Buffer>();
  readonly #chance: Chance;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  async put(content: Readable) {
    const chunks: Buffer[] = [];
    for await (const chunk of content) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const blobId = id<BlobId>(this.#chance.uuid());
    this.#blobs.set(blobId, bytes);
    const hex = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex');
    return { blobId, bytes: bytes.length, sha1: hex('sha1'), sha256: hex('sha256') };
  }

  get(blobId: BlobId): Promise<Readable> {
    const bytes = this.#blobs.get(blobId);
    if (bytes !== undefined) return Promise.resolve(Readable.from([bytes]));
    return Promise.reject(new OperatorError(`no blob ${blobId}`, { code: 'blob-not-found' }));
  }

  size(blobId: BlobId): Promise<number | undefined> {
    return Promise.resolve(this.#blobs.get(blobId)?.length);
  }

  delete(blobId: BlobId): Promise<void> {
    this.#blobs.delete(blobId);
    return Promise.resolve();
  }

  async *list() {
    for (const [blobId, bytes] of this.#blobs) yield { blobId, bytes: bytes.length, modifiedAtMs: 0 };
  }

  agentSettings() {
    return { provider: 'local', options: {} };
  }
}
