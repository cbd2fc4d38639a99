import { createReadStream } from 'node:fs';
import { entryBytes, readArchive } from '../../../common/archive.ts';
import { OperatorError } from '../../../common/errors.ts';
import { releaseEntriesMax } from '../../../releases/read-release.ts';

const manifestBytesMax = 16 * 1024 * 1024;

/**
 * The text of release.MF in a tarball: it comes first in what recent CLIs make, so little of the file is read.
 * @throws OperatorError `release-invalid-archive` | `release-manifest-not-found`
 */
export async function releaseManifestText(path: string): Promise<string> {
  const what = 'the release';
  try {
    for await (const entry of readArchive(createReadStream(path), {
      what,
      limits: { entriesMax: releaseEntriesMax },
    })) {
      if (entry.type !== 'file' || entry.path !== 'release.MF') continue;
      return (await entryBytes(entry, what, manifestBytesMax)).toString('utf8');
    }
  } catch (thrown) {
    if (!(thrown instanceof OperatorError) || !thrown.code.startsWith('archive-')) throw thrown;
    throw new OperatorError(`Extracting release archive failed: ${thrown.message}`, {
      code: 'release-invalid-archive',
      ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
      details: { ...thrown.details, reason: thrown.code },
      cause: thrown,
    });
  }
  throw new OperatorError('Release manifest not found', {
    code: 'release-manifest-not-found',
    hint: 'It is no release: make one with create-release --tarball.',
  });
}
