import { createHash } from 'node:crypto';

/** Of a system that knows no other number. */
const rounds = 5000;
const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** The order in which the digest's bytes are written, three at a time. */
const order = Array.from({ length: 21 }, (_, i): [number, number, number] => {
  const [a, b, c] = [i, i + 21, i + 42];
  return i % 3 === 0 ? [a, b, c] : i % 3 === 1 ? [b, c, a] : [c, a, b];
});

const sha512 = (...parts: readonly Buffer[]) => {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/**
 * A password as `/etc/shadow` keeps it: `$6$<salt>$<hash>`.
 * Source: Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512".
 * @param saltText up to 16 characters of `./0-9A-Za-z`
 */
export function sha512Crypt(passwordText: string, saltText: string): string {
  const [password, salt] = [Buffer.from(passwordText), Buffer.from(saltText)];
  const alternate = sha512(password, salt, password);
  const bits: Buffer[] = [];
  for (let n = password.length; n > 0; n >>= 1) bits.push((n & 1) === 1 ? alternate : password);
  let digest = sha512(password, salt, stretched(alternate, password.length), ...bits);

  const passwordPart = stretched(sha512(...Array.from(password, () => password)), password.length);
  const saltRepeats = 16 + (digest[0] ?? 0);
  const saltPart = stretched(sha512(...Array.from({ length: saltRepeats }, () => salt)), salt.length);
  for (let i = 0; i < rounds; i++) {
    const odd = i % 2 === 1;
    digest = sha512(
      odd ? passwordPart : digest,
      ...(i % 3 === 0 ? [] : [saltPart]),
      ...(i % 7 === 0 ? [] : [passwordPart]),
      odd ? digest : passwordPart,
    );
  }
  return `$6$${saltText}$${encoded(digest)}`;
}

/** Repeated and cut to a length. */
function stretched(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes);
}

function encoded(digest: Buffer): string {
  const at = (i: number) => digest[i] ?? 0;
  const groups = order.map(([a, b, c]) => letters((at(a) << 16) | (at(b) << 8) | at(c), 4));
  return groups.join('') + letters(at(63), 2);
}

function letters(value: number, count: number): string {
  return Array.from({ length: count }, (_, i) => alphabet[(value >> (6 * i)) & 63]).join('');
}
