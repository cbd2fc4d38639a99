import { X509Certificate } from 'node:crypto';
import { isMap, type YamlValue } from '../../manifests/value.ts';

export interface CertificateFacts {
  expiresAtMs: number;
  isCa: boolean;
}

/** Undefined: the value has no certificate that can be read. */
export function certificateFacts(value: YamlValue): CertificateFacts | undefined {
  const pem = isMap(value) ? value['certificate'] : undefined;
  if (typeof pem !== 'string') return undefined;
  try {
    const certificate = new X509Certificate(pem);
    return { expiresAtMs: Date.parse(certificate.validTo), isCa: certificate.ca };
  } catch {
    return undefined; // whoever set it may keep anything there
  }
}
