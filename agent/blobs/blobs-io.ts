import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';

export interface BlobsIo {
  clock: Clock;
  chance: Chance;
  /** A path for one fetched blob, at which there is nothing yet. */
  newFile(): Promise<string>;
}

/** Where fetched blobs go: below one folder, which is made when it is first needed. */
export function blobsIo(folder: string, { clock, chance }: { clock: Clock; chance: Chance }): BlobsIo {
  const newFile = async () => {
    await mkdir(folder, { recursive: true });
    return join(folder, `blob-${chance.uuid()}`);
  };
  return { clock, chance, newFile };
}
