import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto';
import type { Clock } from '../../../common/clock.ts';
import { messageOf, OperatorError } from '../../../common/errors.ts';
import { values } from './der.ts';
import { distinguishedName, keyIdOf, signedCertificate } from './encode.ts';

/** PEM. */
export interface Certificate {
  certificate: string;
  privateKey: string;
}

export interface CertificateRequest {
  commonName: string;
  use: 'server' | 'client';
  /** IP addresses and DNS names of a server. */
  hosts?: readonly string[];
  validMs: number;
}

const dayMs = 86_400_000;
const authorityValidMs = 10 * 365 * dayMs;

/** Certificates count from the day before: a new machine's clock may not be set yet when it first connects. */
const backdatedMs = dayMs;

/** About 20 ms of work; then timers and sockets get their turn. */
const issuedPerTurnMax = 60;

/** Signs certificates for the bus and for the API. Keys are EC P-256: RSA keys would take a core for every few VMs a second. */
export class CertificateAuthority {
  /** PEM. */
  readonly certificate: string;
  readonly #key: KeyObject;
  readonly #clock: Clock;
  readonly #name: Buffer;
  readonly #keyId: Buffer | undefined;
  #leftInTurn = issuedPerTurnMax;
  #turn: Promise<void> | undefined;

  /** @throws OperatorError `certificate-authority-invalid` when the two do not belong together or cannot sign */
  constructor({ certificate, privateKey }: Certificate, clock: Clock) {
    this.certificate = certificate;
    this.#clock = clock;
    try {
      const parsed = new X509Certificate(certificate);
      this.#key = createPrivateKey(privateKey);
      if (!parsed.ca) throw new Error('it is not an authority: CA is not set in its basic constraints');
      if (!parsed.checkPrivateKey(this.#key)) throw new Error('the private key is not the one of the certificate');
      ({ subject: this.#name, keyId: this.#keyId } = readIssuer(parsed.raw));
    } catch (cause) {
      throw new OperatorError(`the certificate authority cannot be used: ${messageOf(cause)}`, {
        code: 'certificate-authority-invalid',
        hint: 'Give a CA certificate and its private key (EC P-256 or RSA), both as PEM.',
        cause,
      });
    }
  }

  /** A new one, that signed itself. */
  static create(commonName: string, clock: Clock): Certificate {
    const { publicKey, privateKey } = newKeyPair();
    const name = distinguishedName(commonName);
    const certificate = signedCertificate(
      {
        subject: name,
        issuer: name,
        publicKey,
        issuerKeyId: keyIdOf(publicKey),
        notBeforeMs: clock.now() - backdatedMs,
        notAfterMs: clock.now() + authorityValidMs,
        use: 'authority',
        hosts: [],
      },
      createPrivateKey(privateKey),
    );
    return { certificate, privateKey };
  }

  async issue({ commonName, use, hosts = [], validMs }: CertificateRequest): Promise<Certificate> {
    await this.#turnToIssue();
    const { publicKey, privateKey } = newKeyPair();
    const certificate = signedCertificate(
      {
        subject: distinguishedName(commonName),
        issuer: this.#name,
        publicKey,
        issuerKeyId: this.#keyId,
        notBeforeMs: this.#clock.now() - backdatedMs,
        notAfterMs: this.#clock.now() + validMs,
        use,
        hosts,
      },
      this.#key,
    );
    return { certificate, privateKey };
  }

  /**
   * Keys are made here and not in Node's thread pool: a third of a millisecond is not worth the way there, and in
   * virtual time, work on a thread would let hours pass.
   */
  async #turnToIssue(): Promise<void> {
    while (this.#leftInTurn === 0) await this.#turn;
    this.#leftInTurn--;
    this.#turn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#leftInTurn = issuedPerTurnMax;
        this.#turn = undefined;
        resolve();
      });
    });
  }
}

function newKeyPair(): { publicKey: Buffer; privateKey: string } {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

/** The subject and the subject key id of a certificate, as bytes: what it signs must name it exactly so. */
function readIssuer(der: Buffer): { subject: Buffer; keyId: Buffer | undefined } {
  const [certificate] = values(der);
  const [body] = values(certificate?.content ?? Buffer.alloc(0));
  // version [0], serial, algorithm, issuer, validity, subject, key, then [3] extensions
  const fields = values(body?.content ?? Buffer.alloc(0));
  const subject = fields[5];
  if (subject === undefined || fields[0]?.tag !== 0xa0) throw new Error('it is not an X.509 certificate of version 3');
  const extensions = fields.find((field) => field.tag === 0xa3)?.content;
  const keyId = values(extensions === undefined ? Buffer.alloc(0) : (values(extensions)[0]?.content ?? Buffer.alloc(0)))
    .map((extension) => values(extension.content))
    .find(([type]) => type?.content.equals(subjectKeyIdType))
    ?.at(-1);
  return { subject: subject.whole, keyId: keyId === undefined ? undefined : values(keyId.content)[0]?.content };
}

/** 2.5.29.14 */
const subjectKeyIdType = Buffer.from([0x55, 0x1d, 0x0e]);

/** Whether a stored certificate was signed by this authority and belongs to its key. */
export function isSignedBy({ certificate, privateKey }: Certificate, authority: CertificateAuthority): boolean {
  const parsed = new X509Certificate(certificate);
  return parsed.verify(createPublicKey(authority.certificate)) && parsed.checkPrivateKey(createPrivateKey(privateKey));
}
