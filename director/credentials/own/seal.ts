import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { damaged, keyMissing } from '../errors.ts';
import type { Keyring } from './keyring.ts';

/*
 * An envelope: one byte for its format, the nonce, the tag, what is encrypted (AES-256-GCM). Name and id of the version
 * are authenticated with it: a row that was moved to another name does not open.
 */
const format = 1;
const nonceBytes = 12;
const tagBytes = 16;

export interface Sealed {
  sealed: Buffer;
  keyId: string;
}

interface Of {
  name: string;
  id: string;
}

export function seal(text: string, { name, id }: Of, keyring: Keyring): Sealed {
  const keyId = keyring.sealingId;
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', keyOf(keyring, keyId), nonce).setAAD(boundTo({ name, id }));
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return { sealed: Buffer.concat([Buffer.of(format), nonce, cipher.getAuthTag(), body]), keyId };
}

/** @throws OperatorError `variables-key-missing` | `variable-damaged` */
export function unseal({ sealed, keyId, name, id }: Sealed & Of, keyring: Keyring): string {
  const key = keyOf(keyring, keyId);
  const nonce = sealed.subarray(1, 1 + nonceBytes);
  const tag = sealed.subarray(1 + nonceBytes, 1 + nonceBytes + tagBytes);
  if (sealed[0] !== format || tag.length !== tagBytes) throw damaged(name, id);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(boundTo({ name, id })).setAuthTag(tag);
  try {
    return decipher.update(sealed.subarray(1 + nonceBytes + tagBytes), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    throw damaged(name, id); // the cause tells nothing more
  }
}

function boundTo({ name, id }: Of): Buffer {
  return Buffer.from(JSON.stringify([id, name]));
}

function keyOf(keyring: Keyring, keyId: string): Buffer {
  const key = keyring.key(keyId);
  if (key === undefined) throw keyMissing([keyId], keyring.place);
  return key;
}
