import { createHash, timingSafeEqual, type Hash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { OperatorError } from './errors.ts';

/**
 * Multi-digests: `"<sha1hex>"`, `"sha1:<hex>"`, `"sha256:<hex>"`, `"sha512:<hex>"`, or several joined with `;`.
 * The strongest algorithm present decides. Source: bosh-utils crypto, facts of the "sha1" fields everywhere.
 */
export type Algorithm = 'sha1' | 'sha256' | 'sha512';

export interface Digest {
  readonly algorithm: Algorithm;
  readonly hex: string;
}

/** Weakest first. */
const strength: readonly Algorithm[] = ['sha1', 'sha256', 'sha512'];
const hexLength: Record<Algorithm, number> = { sha1: 40, sha256: 64, sha512: 128 };

/** @throws OperatorError `digest-malformed` when the text holds no digest that we know */
export function parseDigest(text: string): readonly [Digest, ...Digest[]] {
  const digests = text.split(';').flatMap((part): Digest[] => {
    const [, name = 'sha1', hex = ''] = /^(?:(sha1|sha256|sha512):)?([0-9a-fA-F]+)$/.exec(part.trim()) ?? [];
    const algorithm = name as Algorithm; // the expression admits no other
    return hex.length === hexLength[algorithm] ? [{ algorithm, hex: hex.toLowerCase() }] : [];
  });
  const [first, ...rest] = digests;
  if (first === undefined) {
    throw new OperatorError(`"${text}" is not a digest`, {
      code: 'digest-malformed',
      hint: 'Write it as 40 hex digits (SHA-1), or as sha256:<64 hex digits>.',
      details: { digest: text },
    });
  }
  return [first, ...rest];
}

export function strongest(digests: readonly [Digest, ...Digest[]]): Digest {
  return digests.reduce((best, next) =>
    strength.indexOf(next.algorithm) > strength.indexOf(best.algorithm) ? next : best,
  );
}

/** As BOSH writes it: SHA-1 bare, others with their name. */
export function formatDigest({ algorithm, hex }: Digest): string {
  return algorithm === 'sha1' ? hex : `${algorithm}:${hex}`;
}

/** Counts and hashes what flows through it, unchanged. `digests()` and `bytes` are final once the stream has ended. */
export class DigestStream extends Transform {
  readonly #hashes: ReadonlyMap<Algorithm, Hash>;
  #final: ReadonlyMap<Algorithm, string> | undefined;
  bytes = 0;

  constructor(algorithms: readonly Algorithm[] = ['sha1', 'sha256']) {
    super();
    this.#hashes = new Map(algorithms.map((algorithm) => [algorithm, createHash(algorithm)]));
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.bytes += chunk.length;
    for (const hash of this.#hashes.values()) hash.update(chunk);
    done(null, chunk);
  }

  hex(algorithm: Algorithm): string {
    this.#final ??= new Map([...this.#hashes].map(([name, hash]) => [name, hash.digest('hex')]));
    const hex = this.#final.get(algorithm);
    if (hex === undefined) throw new Error(`this stream was not asked for ${algorithm}`);
    return hex;
  }
}

/** Which algorithm must be computed to check `expected`. */
export function algorithmFor(expected: string): Algorithm {
  return strongest(parseDigest(expected)).algorithm;
}

/**
 * Compares the strongest digest of `expected` with what was computed.
 * @throws OperatorError `digest-mismatch`
 */
export function checkDigest(what: string, expected: string, actualHex: string): void {
  const wanted = strongest(parseDigest(expected));
  const same =
    wanted.hex.length === actualHex.length && timingSafeEqual(Buffer.from(wanted.hex), Buffer.from(actualHex));
  if (same) return;
  throw new OperatorError(
    `${what}: expected ${formatDigest(wanted)}, but it is ${formatDigest({ ...wanted, hex: actualHex })}`,
    {
      code: 'digest-mismatch',
      hint: 'The file was damaged on its way, or it is another one than its digest names. Fetch it again.',
      details: { what, expected: formatDigest(wanted), actual: actualHex },
    },
  );
}

export function digestOf(bytes: Buffer | string, algorithm: Algorithm): string {
  return createHash(algorithm).update(bytes).digest('hex');
}
