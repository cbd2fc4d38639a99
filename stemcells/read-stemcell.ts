import { once } from 'node:events';
import { Readable } from 'node:stream';
import type { ArchiveLimits } from '../common/archive-bytes.ts';
import { entryBytes, readArchive } from '../common/archive.ts';
import { OperatorError } from '../common/errors.ts';
import { readStemcellDocument } from './stemcell-document.ts';
import { readStemcellManifest, type StemcellManifest } from './stemcell-manifest.ts';

export interface ReadStemcellOptions<T> {
  readonly what: string;
  /** Once, as soon as the manifest is read; before the image in what BOSH's own builder makes, but not in all. */
  readonly onManifest?: (manifest: StemcellManifest) => Promise<void> | void;
  /** Takes the image. Its size is known, since that is what the archive says; an image that isn't wanted needs no reading. */
  readonly takeImage: (bytes: Readable, size: number) => Promise<T>;
  readonly limits?: Partial<ArchiveLimits>;
}

export interface ReadStemcell<T> {
  readonly manifest: StemcellManifest;
  readonly image: T;
  /** 0: light. */
  readonly imageBytes: number;
  /** packages.txt and dev_tools_file_list.txt, where they are there: what is installed, and what is removable. */
  readonly lists: ReadonlyMap<string, string>;
}

/** A stemcell holds about ten files. */
const entriesMax = 10_000;
const manifestBytesMax = 1024 * 1024;
const listBytesMax = 16 * 1024 * 1024;
const lists = new Set(['packages.txt', 'dev_tools_file_list.txt']);

/**
 * Reads a stemcell tarball in one pass; the image goes straight to `takeImage`. The digest in the manifest is not
 * compared with the image: BOSH never does, and light and repacked stemcells carry that of another image.
 *
 * @throws OperatorError `stemcell-manifest-missing` | `stemcell-image-missing` | `archive-*`; InvalidStemcell
 */
export async function readStemcell<T>(source: Readable, options: ReadStemcellOptions<T>): Promise<ReadStemcell<T>> {
  const { what } = options;
  let manifest: StemcellManifest | undefined;
  let image: { taken: T; size: number } | undefined;
  const texts = new Map<string, string>();
  for await (const entry of readArchive(source, { what, limits: { entriesMax, ...options.limits } })) {
    if (entry.type !== 'file') continue;
    if (entry.path === 'stemcell.MF') {
      const text = (await entryBytes(entry, what, manifestBytesMax)).toString('utf8');
      manifest = readStemcellManifest(readStemcellDocument(text, `stemcell.MF of ${what}`), `stemcell.MF of ${what}`);
      await options.onManifest?.(manifest);
    } else if (entry.path === 'image' && image === undefined) {
      const bytes = Readable.from(entry.body, { objectMode: false });
      image = { taken: await options.takeImage(bytes, entry.size), size: entry.size };
      if (bytes.errored !== null) throw bytes.errored; // the taker hid it
      if (!bytes.closed) {
        bytes.destroy();
        await once(bytes, 'close'); // the next entry is read by the same hands
      }
    } else if (lists.has(entry.path)) {
      texts.set(entry.path, (await entryBytes(entry, what, listBytesMax)).toString('utf8'));
    }
  }
  if (manifest === undefined) throw missing(what, 'stemcell.MF', 'stemcell-manifest-missing', 50000);
  if (image === undefined) throw missing(what, 'image', 'stemcell-image-missing', 50001);
  return { manifest, image: image.taken, imageBytes: image.size, lists: texts };
}

function missing(what: string, path: string, code: string, boshCode: number): OperatorError {
  return new OperatorError(`${what} has no ${path}`, {
    code,
    hint: 'It is no stemcell: get one of those listed at https://bosh.io/stemcells.',
    details: { what, boshCode },
  });
}
