import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import { isPlainName } from '../apply-spec.ts';
import { recordArgument, textField } from '../arguments.ts';
import { ActionFailed } from '../errors.ts';
import { linkWhole } from '../files.ts';
import type { Machine } from '../machine.ts';
import { parseBlobstores, parseCertificate } from '../settings-store.ts';
import { isRecord, textAt, valueAt } from '../shape.ts';
import type { Action } from './action.ts';

/**
 * Takes over new settings. BOSH's agent restarts for a new certificate or blobstore; this one goes over to them as it
 * runs. A certificate is kept only when the bus has let us in with it.
 */
export const updateSettings: Action = async (machine, { args, signal }) => {
  const update = recordArgument(args, 0, 'settings');
  const { settings, platform } = machine;
  for (const association of associations(update)) await associate(machine, association);
  await platform.trust(textAt(update, 'trusted_certs') ?? '');
  const blobstore = parseBlobstores(update['blobstores']);
  if (blobstore !== undefined && !isDeepStrictEqual(blobstore, settings.blobstore())) {
    await settings.replaceBlobstore(blobstore);
  }
  const certificate = parseCertificate(valueAt(update, 'mbus', 'cert'));
  if (certificate !== undefined && !isDeepStrictEqual(certificate, settings.certificate())) {
    signal.throwIfAborted();
    await machine.swapCertificate(certificate);
    await settings.replaceCertificate(certificate);
  }
  return 'ok';
};

function associations(update: Record<string, unknown>): Array<{ name: string; cid: string }> {
  const list = update['disk_associations'] ?? [];
  if (!Array.isArray(list) || !list.every(isRecord)) {
    throw new ActionFailed('update_settings: disk_associations is no list of objects', { code: 'invalid-input' });
  }
  return list.map((entry) => ({ name: textField(entry, 'name'), cid: textField(entry, 'cid') }));
}

/** A link by which jobs find a disk that the agent doesn't mount. */
async function associate(
  { settings, platform: { disks, paths } }: Machine,
  { name, cid }: { name: string; cid: string },
) {
  if (!isPlainName(name)) throw new ActionFailed(`"${name}" is not the name of a disk`, { code: 'disk-refused' });
  const path = await disks.locate(settings.diskHint(cid));
  if (path === undefined) throw new ActionFailed(`disk "${cid}" has not appeared`, { code: 'disk-absent' });
  await linkWhole(join(paths.disksByName, name), path);
}
