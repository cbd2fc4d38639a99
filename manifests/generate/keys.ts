import { createHash, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { YamlMap } from '../value.ts';
import { numberOption, OptionError, refuseUnknown, textOption } from './options.ts';

const makeKeyPair = promisify(generateKeyPair);
const keyLengths = [2048, 3072, 4096];
const keyLengthUsual = 2048;

export interface RsaKey {
  privateKey: KeyObject;
  publicKey: KeyObject;
}

export function keyLengthOf(options: YamlMap, usual: number): number {
  const length = numberOption(options, 'key_length', { min: 1, max: 16_384 }) ?? usual;
  if (!keyLengths.includes(length)) throw new OptionError(`key_length ${length} is none of ${keyLengths.join(', ')}`);
  return length;
}

/** In a thread of Node's own pool: a 4096-bit key takes seconds. */
export async function makeRsaKey(modulusLength: number): Promise<RsaKey> {
  return makeKeyPair('rsa', { modulusLength });
}

export function pkcs1(key: KeyObject): string {
  return key.export({ type: 'pkcs1', format: 'pem' }).toString();
}

export async function generateRsa(options: YamlMap): Promise<{ private_key: string; public_key: string }> {
  refuseUnknown(options, ['key_length']);
  const { privateKey, publicKey } = await makeRsaKey(keyLengthOf(options, keyLengthUsual));
  const spki = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return { private_key: pkcs1(privateKey), public_key: spki };
}

/** The public half as in authorized_keys, with MD5 fingerprint. */
export async function generateSsh(
  options: YamlMap,
): Promise<{ private_key: string; public_key: string; public_key_fingerprint: string }> {
  refuseUnknown(options, ['key_length', 'ssh_comment']);
  const { privateKey, publicKey } = await makeRsaKey(keyLengthOf(options, keyLengthUsual));
  const wire = sshWireKey(publicKey);
  const comment = textOption(options, 'ssh_comment');
  const hash = createHash('md5').update(wire).digest('hex');
  return {
    private_key: pkcs1(privateKey),
    public_key: `ssh-rsa ${wire.toString('base64')}${comment === null ? '' : ` ${comment}`}\n`,
    public_key_fingerprint: (hash.match(/../g) ?? []).join(':'),
  };
}

/** RFC 4253, 6.6: the name of the algorithm, exponent and modulus, each after its length. */
function sshWireKey(publicKey: KeyObject): Buffer {
  const { e = '', n = '' } = publicKey.export({ format: 'jwk' });
  const parts = [Buffer.from('ssh-rsa'), mpint(e), mpint(n)];
  return Buffer.concat(parts.flatMap((part) => [uint32(part.length), part]));
}

function mpint(base64: string): Buffer {
  const bytes = Buffer.from(base64, 'base64url');
  return (bytes[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.from([0]), bytes]) : bytes; // else it would be negative
}

function uint32(n: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
}

/** SHA-1 of the modulus, which the bosh CLI takes for a key's identifier. */
export function keyIdentifier(publicKey: KeyObject): string {
  const modulus = Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url');
  return createHash('sha1').update(modulus).digest('hex');
}
