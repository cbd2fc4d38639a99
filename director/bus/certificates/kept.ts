import { isIP } from 'node:net';
import { X509Certificate } from 'node:crypto';
import type { Clock } from '../../../common/clock.ts';
import { OperatorError } from '../../../common/errors.ts';
import type { Log } from '../../../common/log.ts';
import { CertificateAuthority, isSignedBy, type Certificate } from './authority.ts';

/**
 * Where certificates are kept between runs: a certificate and its key under one name, saved as one, so that a crash
 * never leaves half of a pair. Whoever implements it keeps others from reading it.
 */
export interface PemStore {
  load(name: string): Promise<string | undefined>;
  save(name: string, pem: string): Promise<void>;
}

const dayMs = 86_400_000;
/** Renewed at a start when less is left: so whoever restarts the director monthly never sees one expire. */
const renewedBeforeMs = 30 * dayMs;
const serverValidMs = 365 * dayMs;
/** There is no rotation of the authority yet: operators must know well ahead. */
const authorityWarnedBeforeMs = 365 * dayMs;

interface KeptDeps {
  store: PemStore;
  clock: Clock;
  log: Log;
}

/**
 * The authority of this director: made at the first start, and the same one ever after, since agents trust it.
 * @throws OperatorError `certificate-authority-expired` | `certificate-authority-invalid`
 */
export async function keptAuthority(
  { name, commonName }: { name: string; commonName: string },
  { store, clock, log }: KeptDeps,
): Promise<CertificateAuthority> {
  const kept = await store.load(name);
  if (kept === undefined) {
    const made = CertificateAuthority.create(commonName, clock);
    await store.save(name, made.certificate + made.privateKey);
    log.info('certificate-authority-created', { name, commonName });
    return new CertificateAuthority(made, clock);
  }
  const authority = new CertificateAuthority(splitPem(kept), clock);
  const leftMs = expiresAt(authority.certificate) - clock.now();
  if (leftMs <= 0) throw authorityExpired(name);
  if (leftMs < authorityWarnedBeforeMs) {
    log.warn('certificate-authority-expires', { name, daysLeft: Math.floor(leftMs / dayMs) });
  }
  return authority;
}

export interface ServerCertificateRequest {
  name: string;
  commonName: string;
  hosts: readonly string[];
}

/** A server's certificate: the one that is kept if it still serves (authority, hosts, 30 days left), or else a new one. */
export async function keptServerCertificate(
  { name, commonName, hosts }: ServerCertificateRequest,
  authority: CertificateAuthority,
  { store, clock, log }: KeptDeps,
): Promise<Certificate> {
  const kept = await store.load(name);
  if (kept !== undefined && servesStill(splitPem(kept), hosts, authority, clock)) return splitPem(kept);
  const made = await authority.issue({ commonName, use: 'server', hosts, validMs: serverValidMs });
  await store.save(name, made.certificate + made.privateKey);
  log.info('certificate-issued', { name, commonName, hosts, renewed: kept !== undefined });
  return made;
}

function servesStill(
  kept: Certificate,
  hosts: readonly string[],
  authority: CertificateAuthority,
  clock: Clock,
): boolean {
  const parsed = new X509Certificate(kept.certificate);
  return (
    expiresAt(kept.certificate) - clock.now() >= renewedBeforeMs &&
    isSignedBy(kept, authority) &&
    hosts.every((host) => (isIP(host) === 0 ? parsed.checkHost(host) : parsed.checkIP(host)) !== undefined)
  );
}

export function expiresAt(certificate: string): number {
  return Date.parse(new X509Certificate(certificate).validTo);
}

/** @throws Error when it is not one certificate and one private key */
function splitPem(pem: string): Certificate {
  const blocks = pem.match(/-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----\n?/g) ?? [];
  const certificate = blocks.find((block) => block.startsWith('-----BEGIN CERTIFICATE'));
  const privateKey = blocks.find((block) => block.includes('PRIVATE KEY-----'));
  if (certificate === undefined || privateKey === undefined) {
    throw new OperatorError('a stored certificate is not whole: a certificate and its private key are expected', {
      code: 'certificate-damaged',
      hint: 'Put the file back from a backup of the director. Without its CA, every VM must be recreated.',
    });
  }
  return { certificate, privateKey };
}

function authorityExpired(name: string): OperatorError {
  return new OperatorError(`the certificate authority "${name}" has expired: no agent can connect any more`, {
    code: 'certificate-authority-expired',
    hint: 'Move the stored authority away, start the director (it makes a new one) and recreate all VMs.',
    details: { name },
  });
}
