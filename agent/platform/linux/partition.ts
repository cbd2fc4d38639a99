import { writeFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../common/clock.ts';
import { ActionFailed } from '../../errors.ts';
import { orAbsent } from '../../files.ts';
import { command } from './commands.ts';

export interface Formatting {
  filesystem: 'ext4' | 'xfs';
  /** For mount: `noatime` and its like. */
  options: string[];
}

/**
 * The partition of a disk that holds its data: BOSH gives a disk one, over all of it. A blank disk gets one, and a
 * file system. Anything that is there already is left as it is: a disk may come back from another VM.
 */
export async function preparedPartition(device: string, formatting: Formatting, clock: Clock): Promise<string> {
  const partition = /\d$/.test(device) ? `${device}p1` : `${device}1`;
  if ((await orAbsent(stat(partition))) === undefined) {
    const found = await signatureOf(device);
    if (found !== '') {
      throw new ActionFailed(`${device} has no first partition but holds ${found}: it is left as it is`, {
        code: 'disk-refused',
      });
    }
    await partitionWhole(device);
    await waitFor(partition, clock);
  }
  if ((await signatureOf(partition)) === '') {
    await command([
      'mkfs',
      '-t',
      formatting.filesystem,
      ...(formatting.filesystem === 'ext4' ? ext4Options : []),
      partition,
    ]);
  }
  return partition;
}

/** What blkid finds on it; empty: blank. Exit code 2 is its word for that. */
async function signatureOf(device: string): Promise<string> {
  return (await command(['blkid', '-p', '-o', 'export', device], { accepts: [0, 2] })).trim().replaceAll('\n', ' ');
}

async function partitionWhole(device: string): Promise<void> {
  const script = join(tmpdir(), `sfdisk-${randomUUID()}`);
  await writeFile(script, 'label: gpt\n,,L\n');
  try {
    await command(['sh', '-c', 'sfdisk --quiet "$1" < "$2"', 'sh', device, script]);
  } finally {
    await rm(script, { force: true });
  }
}

async function waitFor(partition: string, clock: Clock): Promise<void> {
  for (let looked = 0; looked < looksMax; looked++) {
    if ((await orAbsent(stat(partition))) !== undefined) return;
    await clock.sleep(lookEveryMs);
  }
  throw new ActionFailed(`the kernel does not show ${partition}`, { code: 'disk-refused' });
}

/** Inode tables are written when they are needed: a disk of a terabyte is ready in seconds. */
const ext4Options = ['-q', '-E', 'lazy_itable_init=1'];
const looksMax = 100;
const lookEveryMs = 100;
