import type { Readable } from 'node:stream';
import { type PackEntry, packArchive, textEntry } from '../common/archive-pack.ts';
import { type ArchiveEntry, entryBytes, readArchive } from '../common/archive.ts';
import { OperatorError } from '../common/errors.ts';
import type { YamlMap } from '../manifests/value.ts';
import { stemcellManifestText } from './pack-stemcell.ts';
import { readStemcellDocument } from './stemcell-document.ts';
import { readStemcellManifest } from './stemcell-manifest.ts';

export interface Repack {
  readonly name?: string;
  readonly version?: string;
  readonly formats?: readonly string[];
  /** Merged into those of the stemcell, one level deep. */
  readonly cloudProperties?: YamlMap;
  readonly emptyImage?: boolean;
}

const manifestBytesMax = 1024 * 1024;

/**
 * The same stemcell under other terms (`bosh repack-stemcell`), as a stream from stream to stream: the image, some
 * gigabytes, passes by. Its digest in the manifest stays, as with the CLI.
 *
 * @throws (by its stream) OperatorError `stemcell-manifest-missing` | `archive-*`; InvalidStemcell
 */
export function repackStemcell(source: Readable, repack: Repack, what: string): Readable {
  return packArchive(repacked(source, repack, what));
}

async function* repacked(source: Readable, repack: Repack, what: string): AsyncGenerator<PackEntry> {
  let found = false;
  for await (const entry of readArchive(source, { what })) {
    if (entry.path === '.') continue;
    if (entry.path === 'stemcell.MF' && entry.type === 'file') {
      found = true;
      yield textEntry('stemcell.MF', await changedManifest(entry, repack, what));
    } else if (entry.path === 'image' && repack.emptyImage === true) {
      yield textEntry('image', '');
    } else if (entry.type !== 'hardlink') {
      yield { ...entry, type: entry.type, body: () => entry.body };
    }
  }
  if (found) return;
  throw new OperatorError(`${what} has no stemcell.MF`, {
    code: 'stemcell-manifest-missing',
    hint: 'It is no stemcell: get one of those listed at https://bosh.io/stemcells.',
    details: { what },
  });
}

async function changedManifest(entry: ArchiveEntry, repack: Repack, what: string): Promise<string> {
  const text = (await entryBytes(entry, what, manifestBytesMax)).toString('utf8');
  const { raw, cloudProperties } = readStemcellManifest(readStemcellDocument(text, what), what);
  return stemcellManifestText({
    ...raw,
    ...(repack.name === undefined ? {} : { name: repack.name }),
    ...(repack.version === undefined ? {} : { version: repack.version }),
    ...(repack.formats === undefined ? {} : { stemcell_formats: [...repack.formats] }),
    cloud_properties: { ...cloudProperties, ...repack.cloudProperties },
  });
}
