import { readFile, stat } from 'node:fs/promises';
import { numberArgument, textArgument } from '../arguments.ts';
import { withBlob } from '../bundles/archive.ts';
import { ActionFailed } from '../errors.ts';
import { readIfThere, writeWhole } from '../files.ts';
import { valueAt } from '../shape.ts';
import type { Action } from './action.ts';

/** Takes over DNS records that are newer than ours, for the DNS server on this machine to read. */
export const syncDns: Action = async (machine, { args, signal }) => {
  const blob = {
    what: 'DNS records',
    blobId: textArgument(args, 0, 'blob id'),
    digest: textArgument(args, 1, 'digest'),
  };
  const version = numberArgument(args, 2, 'version');
  const path = machine.platform.paths.dnsRecords;
  const isNewer = async () => version > versionOf((await readIfThere(path)) ?? '{}');
  if (!(await isNewer())) return 'synced';
  const records = await withBlob(machine, blob, signal, async (file) => {
    const { size } = await stat(file);
    if (size <= recordsBytesMax) return readFile(file, 'utf8');
    throw new ActionFailed(`DNS records of ${size} bytes; the most is ${recordsBytesMax}`, { code: 'dns-too-large' });
  });
  if (versionOf(records) !== version) {
    throw new ActionFailed(`DNS records say version ${versionOf(records)}, the director said ${version}`, {
      code: 'dns-version-wrong',
    });
  }
  if (await isNewer()) await writeWhole(path, records, 0o640); // another one may have come meanwhile
  await machine.platform.giveToJobs(path);
  return 'synced';
};

/** -1: none. */
function versionOf(records: string): number {
  const version = valueAt(JSON.parse(records), 'version') ?? valueAt(JSON.parse(records), 'Version');
  return typeof version === 'number' ? version : -1;
}

/** Some hundred bytes per record: enough for 100,000 instances. */
const recordsBytesMax = 64 * 1_048_576;
