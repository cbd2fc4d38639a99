import type { Readable } from 'node:stream';
import { entryBytes, readArchive } from '../common/archive.ts';
import { readStemcellDocument } from '../stemcells/stemcell-document.ts';
import { readStemcellManifest, type StemcellManifest } from '../stemcells/stemcell-manifest.ts';
import { CliError } from './failure.ts';

const manifestBytesMax = 1024 * 1024;

/** stemcell.MF of a tarball; reads no further than there, since what follows are gigabytes. */
export async function stemcellManifestOf(source: Readable, what: string): Promise<StemcellManifest> {
  try {
    for await (const entry of readArchive(source, { what })) {
      if (entry.type !== 'file' || entry.path !== 'stemcell.MF') continue;
      const text = (await entryBytes(entry, what, manifestBytesMax)).toString('utf8');
      return readStemcellManifest(readStemcellDocument(text, `stemcell.MF of ${what}`), `stemcell.MF of ${what}`);
    }
  } finally {
    source.destroy();
  }
  throw new CliError(`${what} has no stemcell.MF`);
}
