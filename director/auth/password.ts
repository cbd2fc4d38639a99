import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/**
 * How a password stands in the config file: as itself (as in BOSH's `user_management.local.users`), or as
 * `scrypt:<log2 N>:<r>:<p>:<salt, base64>:<key, base64>`, made by `hashPassword`.
 */
export type StoredPassword = string;

interface ScryptHash {
  logN: number;
  r: number;
  p: number;
  salt: Buffer;
  key: Buffer;
}

/** About 90 ms and 32 MiB each time; raise it when machines got faster. */
const cost = { logN: 15, r: 8, p: 1 };
const keyBytes = 32;
const saltBytes = 16;
/** A config file must not be able to ask for gigabytes. */
const limits = { logNMax: 20, rMax: 32, pMax: 16 };
const prefix = 'scrypt:';

export async function hashPassword(password: string): Promise<StoredPassword> {
  const salt = randomBytes(saltBytes);
  const key = await derive(password, { ...cost, salt, key: Buffer.alloc(keyBytes) });
  return `${prefix}${cost.logN}:${cost.r}:${cost.p}:${salt.toString('base64')}:${key.toString('base64')}`;
}

/** Takes the same time wherever the two differ. */
export async function passwordMatches(given: string, stored: StoredPassword): Promise<boolean> {
  const hash = parseHash(stored);
  if (hash === undefined) return equalTexts(given, stored);
  return timingSafeEqual(await derive(given, hash), hash.key);
}

export function isHash(stored: StoredPassword): boolean {
  return stored.startsWith(prefix);
}

/** Undefined: it does not look like a hash that we can check. */
export function parseHash(stored: StoredPassword): ScryptHash | undefined {
  const match = /^scrypt:(\d+):(\d+):(\d+):([A-Za-z0-9+/]+=*):([A-Za-z0-9+/]+=*)$/.exec(stored);
  if (match === null) return undefined;
  const [logN, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (logN < 1 || logN > limits.logNMax || r < 1 || r > limits.rMax || p < 1 || p > limits.pMax) return undefined;
  const key = Buffer.from(match[5] ?? '', 'base64');
  return key.length < 16 ? undefined : { logN, r, p, salt: Buffer.from(match[4] ?? '', 'base64'), key };
}

function derive(password: string, { logN, r, p, salt, key }: ScryptHash): Promise<Buffer> {
  const N = 2 ** logN;
  const maxmem = 128 * N * r * 2;
  return new Promise((resolve, reject) => {
    scrypt(password, salt, key.length, { N, r, p, maxmem }, (error, derived) =>
      error === null ? resolve(derived) : reject(error),
    );
  });
}

function equalTexts(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  if (left.length === right.length) return timingSafeEqual(left, right);
  timingSafeEqual(left, left); // the same work, so that time tells nothing but the length of what was sent
  return false;
}
