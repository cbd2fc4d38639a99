import { createHash, randomBytes } from 'node:crypto';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { keyFileUnusable, keyMissing } from '../errors.ts';

const keyBytes = 32;

/** Keys that values are sealed with: the first seals, all of them open. */
export interface Keyring {
  sealingId: string;
  key(id: string): Buffer | undefined;
  /** For messages. */
  place: string;
}

/** Follows from the key, so that a wrong key is told from a damaged value. */
function idOf(key: Buffer): string {
  return createHash('sha256').update('gantry-variables-key').update(key).digest('hex').slice(0, 8);
}

export function keyringOf(keys: readonly Buffer[], place: string): Keyring {
  const byId = new Map(keys.map((key) => [idOf(key), key]));
  const [sealingId] = byId.keys();
  if (sealingId === undefined) throw keyFileUnusable(place, 'there is no key in it');
  return { sealingId, key: (id) => byId.get(id), place };
}

export function freshKey(): Buffer {
  return randomBytes(keyBytes);
}

/**
 * Reads the keys, one a line in base64; the first start makes one. An older key stays below the one that replaced it
 * for as long as something is sealed with it.
 * @param usedKeyIds of what is in the store: a key that is missing is never made anew, nothing could be opened with it
 * @throws OperatorError `variables-key-missing` | `variables-key-unusable`
 */
export async function openKeyring(file: string, usedKeyIds: readonly string[]): Promise<Keyring> {
  const text = await readFile(file, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw keyFileUnusable(file, thrown.message);
  });
  if (text === undefined && usedKeyIds.length > 0) throw keyMissing(usedKeyIds, file);
  const keyring = text === undefined ? await makeFile(file) : keyringOf(await readKeys(file, text), file);
  const missing = usedKeyIds.filter((id) => keyring.key(id) === undefined);
  if (missing.length > 0) throw keyMissing(missing, file);
  return keyring;
}

async function readKeys(file: string, text: string): Promise<Buffer[]> {
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0) throw keyFileUnusable(file, `others may read it (mode ${(mode & 0o777).toString(8)})`);
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, i) => {
      const key = Buffer.from(line.trim(), 'base64');
      if (key.length !== keyBytes)
        throw keyFileUnusable(file, `line ${i + 1} is no key of ${keyBytes} bytes in base64`);
      return key;
    });
}

/** Whole on the disk before anything is sealed with it. */
async function makeFile(file: string): Promise<Keyring> {
  const key = freshKey();
  const unfinished = `${file}.new`;
  const handle = await open(unfinished, 'w', 0o600);
  try {
    await handle.chmod(0o600); // an old one may have other rights
    await handle.writeFile(`${key.toString('base64')}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
  return keyringOf([key], file);
}
