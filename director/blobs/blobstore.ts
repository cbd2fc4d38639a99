import type { Readable } from 'node:stream';
import type { BlobId } from '../../common/ids.ts';

/** Where packages, rendered templates, logs and images are kept. Every object is written once and never changed. */
export interface Blobstore {
  /** Stores a stream; half a blob is never visible. @throws OperatorError `disk-full` | `blob-too-large` */
  put(content: Readable): Promise<{ blobId: BlobId; bytes: number; sha1: string; sha256: string }>;
  /** @throws OperatorError `blob-not-found` */
  get(blobId: BlobId): Promise<Readable>;
  size(blobId: BlobId): Promise<number | undefined>;
  /** Absent: no error. */
  delete(blobId: BlobId): Promise<void>;
  list(): AsyncIterable<{ blobId: BlobId; bytes: number; modifiedAtMs: number }>;
  /** What an agent needs to reach it: `{ provider, options }` of its settings. */
  agentSettings(): { provider: string; options: Record<string, unknown> };
}
