import { randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import {
  createLocalJWKSet,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type CryptoKey,
  type JWK,
  type LocalJWKSet,
} from 'jose';
import { OperatorError } from '../../../common/errors.ts';

/** What UAA signs with, and what those who check its tokens can. */
export const signingAlgorithm = 'RS256';
const modulusBits = 2048;
/** At a start a key older than this gets a successor. */
const renewMs = 180 * 86_400_000;
/** By then no token is left that it signed, and nobody has it in a cache. */
const forgetMs = renewMs + 30 * 86_400_000;

interface KeptKey {
  createdAtMs: number;
  /** With the private part. */
  jwk: JWK & { kid: string };
}

/** A public key as UAA shows it: as JWK and as PEM. */
export interface PublicKey {
  kid: string;
  alg: string;
  kty: string;
  use: 'sig';
  n?: string;
  e?: string;
  value: string;
}

/** The keys that tokens are signed with; the newest signs, those before it are still good for checking. */
export class SigningKeys {
  readonly #newest: { kid: string; key: CryptoKey };
  readonly publicKeys: readonly PublicKey[];
  /** Finds the key that a token names. */
  readonly byToken: LocalJWKSet;

  private constructor(newest: { kid: string; key: CryptoKey }, publicKeys: readonly PublicKey[]) {
    this.#newest = newest;
    this.publicKeys = publicKeys;
    this.byToken = createLocalJWKSet({ keys: [...publicKeys] });
  }

  /**
   * Those of a file that the director alone can read; made, renewed and forgotten when they are due.
   * @throws OperatorError `token-keys-unreadable`
   */
  static async kept(file: string, nowMs: number): Promise<SigningKeys> {
    const before = await read(file);
    const still = before.filter(({ createdAtMs }) => nowMs - createdAtMs < forgetMs);
    const fresh = still.some(({ createdAtMs }) => nowMs - createdAtMs < renewMs);
    const keys = fresh ? still : [...still, await make(nowMs)];
    if (!fresh || still.length < before.length) await write(file, keys);
    const newest = keys.toSorted((a, b) => b.createdAtMs - a.createdAtMs)[0];
    if (newest === undefined) throw new Error('one was just made');
    const key = await importKey(newest.jwk);
    return new SigningKeys({ kid: newest.jwk.kid, key }, await Promise.all(keys.map(({ jwk }) => publicPart(jwk))));
  }

  get newest(): { kid: string; key: CryptoKey } {
    return this.#newest;
  }
}

async function make(nowMs: number): Promise<KeptKey> {
  const { privateKey } = await generateKeyPair(signingAlgorithm, { modulusLength: modulusBits, extractable: true });
  return { createdAtMs: nowMs, jwk: { ...(await exportJWK(privateKey)), kid: randomUUID() } };
}

async function importKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, signingAlgorithm, { extractable: true });
  if (key instanceof Uint8Array) throw new Error('a symmetric key is none of ours');
  return key;
}

async function publicPart({ kty = 'RSA', n, e, kid }: KeptKey['jwk']): Promise<PublicKey> {
  const jwk = { kty, ...(n === undefined ? {} : { n }), ...(e === undefined ? {} : { e }) };
  return { ...jwk, kid, alg: signingAlgorithm, use: 'sig', value: await exportSPKI(await importKey(jwk)) };
}

async function read(file: string): Promise<KeptKey[]> {
  try {
    return (JSON.parse(await readFile(file, 'utf8')) as { keys: KeptKey[] }).keys; // written below
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
    throw new OperatorError(`The keys of the token issuer can't be read from ${file}`, {
      code: 'token-keys-unreadable',
      hint: 'Put the file back from a backup, or remove it: new keys are made then, and everybody has to log in again.',
      details: { file },
      cause: thrown,
    });
  }
}

async function write(file: string, keys: readonly KeptKey[]): Promise<void> {
  const unfinished = `${file}.new`;
  await writeFile(unfinished, JSON.stringify({ keys }), { mode: 0o600, flush: true });
  await rename(unfinished, file);
}
