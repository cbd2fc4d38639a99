import { createHash, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { Address4, Address6 } from 'ip-address';
import {
  bitString,
  boolean,
  integer,
  nothing,
  octetString,
  oid,
  sequence,
  set,
  tagged,
  time,
  utf8String,
} from './der.ts';

/** What stands in a certificate. Source: RFC 5280. */
export interface CertificateContent {
  /** DER of the names; of the issuer exactly as it stands in its own certificate. */
  subject: Buffer;
  issuer: Buffer;
  /** DER of the SubjectPublicKeyInfo. */
  publicKey: Buffer;
  /** Undefined: the issuer's certificate carries none. */
  issuerKeyId: Buffer | undefined;
  notBeforeMs: number;
  notAfterMs: number;
  use: 'authority' | 'server' | 'client';
  /** IP addresses and DNS names. */
  hosts: readonly string[];
}

/** PEM of the certificate, signed with the issuer's key (EC P-256 or RSA). */
export function signedCertificate(content: CertificateContent, issuerKey: KeyObject): string {
  const algorithm = signatureAlgorithm(issuerKey);
  const body = sequence(
    tagged(0, 'constructed', integer(Buffer.from([2]))), // version 3
    // Not from Chance: it must be unguessable (RFC 5280 and the hash), and a key pair can't be had again anyway.
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    content.issuer,
    sequence(time(content.notBeforeMs), time(content.notAfterMs)),
    content.subject,
    content.publicKey,
    tagged(3, 'constructed', sequence(...extensions(content))),
  );
  return toPem('CERTIFICATE', sequence(body, algorithm, bitString(sign('sha256', body, issuerKey))));
}

/** BOSH's form: the organisation is fixed, the common name tells who. */
export function distinguishedName(commonName: string): Buffer {
  const part = (type: string, value: string) => set(sequence(oid(type), utf8String(value)));
  return sequence(part('2.5.4.6', 'USA'), part('2.5.4.10', 'Cloud Foundry'), part('2.5.4.3', commonName));
}

/** RFC 7093, method 1: 160 bits of SHA-256 over the key. */
export function keyIdOf(publicKey: Buffer): Buffer {
  return createHash('sha256').update(publicKey).digest().subarray(0, 20);
}

export function toPem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function signatureAlgorithm(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === 'rsa') return sequence(oid('1.2.840.113549.1.1.11'), nothing()); // sha256WithRSA
  if (key.asymmetricKeyType === 'ec') return sequence(oid('1.2.840.10045.4.3.2')); // ecdsa-with-SHA256
  throw new Error(`a certificate authority's key must be RSA or EC, not ${key.asymmetricKeyType ?? 'unknown'}`);
}

const keyUsage = {
  authority: bitString(Buffer.from([0b0000_0110]), 1), // keyCertSign, cRLSign
  leaf: bitString(Buffer.from([0b1000_0000]), 7), // digitalSignature
};

function extensions({ use, hosts, publicKey, issuerKeyId }: CertificateContent): Buffer[] {
  const authority = use === 'authority';
  const list = [
    extension('2.5.29.19', true, authority ? sequence(boolean(true)) : sequence()), // basicConstraints
    extension('2.5.29.15', true, authority ? keyUsage.authority : keyUsage.leaf),
    extension('2.5.29.14', false, octetString(keyIdOf(publicKey))),
  ];
  if (issuerKeyId !== undefined)
    list.push(extension('2.5.29.35', false, sequence(tagged(0, 'primitive', issuerKeyId))));
  if (!authority) {
    list.push(extension('2.5.29.37', false, sequence(oid(`1.3.6.1.5.5.7.3.${use === 'server' ? 1 : 2}`))));
  }
  if (hosts.length > 0) list.push(extension('2.5.29.17', false, sequence(...hosts.map(alternativeName))));
  return list;
}

function extension(type: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(type), ...(critical ? [boolean(true)] : []), octetString(value));
}

function alternativeName(host: string): Buffer {
  switch (isIP(host)) {
    case 4:
      return tagged(7, 'primitive', Uint8Array.from(new Address4(host).toArray()));
    case 6:
      return tagged(7, 'primitive', Uint8Array.from(new Address6(host).toUnsignedByteArray()));
    default:
      return tagged(2, 'primitive', Buffer.from(host, 'latin1'));
  }
}
