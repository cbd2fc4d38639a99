import 'reflect-metadata'; // @peculiar/x509 finds its parts by it
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  ExtendedKeyUsage,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  type Extension,
} from '@peculiar/x509';
import { createPrivateKey, createPublicKey, randomBytes, webcrypto, type KeyObject } from 'node:crypto';
import { canonicalIp } from '../ip.ts';
import { isMap, type YamlMap, type YamlValue } from '../value.ts';
import { keyIdentifier, keyLengthOf, makeRsaKey, pkcs1 } from './keys.ts';
import { booleanOption, numberOption, OptionError, refuseUnknown, textOption, textsOption } from './options.ts';

const keyLengthUsual = 3072;
const durationUsualDays = 365;
const durationMaxDays = 36_500;
const dayMs = 86_400_000;

const known = [
  'common_name',
  'alternative_names',
  'organization',
  'organization_unit',
  'locality',
  'state',
  'country',
  'is_ca',
  'ca',
  'self_sign',
  'key_usage',
  'extended_key_usage',
  'duration',
  'key_length',
];

const keyUsages: Readonly<Record<string, KeyUsageFlags>> = {
  digital_signature: KeyUsageFlags.digitalSignature,
  non_repudiation: KeyUsageFlags.nonRepudiation,
  key_encipherment: KeyUsageFlags.keyEncipherment,
  data_encipherment: KeyUsageFlags.dataEncipherment,
  key_agreement: KeyUsageFlags.keyAgreement,
  key_cert_sign: KeyUsageFlags.keyCertSign,
  crl_sign: KeyUsageFlags.cRLSign,
};

const extendedKeyUsages: Readonly<Record<string, string>> = {
  client_auth: ExtendedKeyUsage.clientAuth,
  server_auth: ExtendedKeyUsage.serverAuth,
  code_signing: ExtendedKeyUsage.codeSigning,
  email_protection: ExtendedKeyUsage.emailProtection,
  timestamping: ExtendedKeyUsage.timeStamping,
};

// A type and no interface, so that it is a YamlMap too.
export type CertificateValue = {
  ca: string;
  certificate: string;
  private_key: string;
};

interface Context {
  now: Date;
  authority: (name: string) => Promise<YamlValue | undefined>;
}

/** Who signs: the certificate's own key, or another certificate's. */
interface Signer {
  name: Name;
  keyId: string;
  key: KeyObject;
  /** Null: the certificate signs itself. */
  pem: string | null;
}

/**
 * A certificate with its key (PKCS #1, as BOSH releases expect) and its CA. Without `ca` it must be a CA itself,
 * and signs itself. `duration` is in days. Source: config-server, certificate_generator.go; CredHub's options.
 */
export async function generateCertificate(options: YamlMap, { now, authority }: Context): Promise<CertificateValue> {
  refuseUnknown(options, known);
  const isCa = booleanOption(options, 'is_ca');
  const caName = textOption(options, 'ca');
  const selfSigned = caName === null || caName === '';
  if (selfSigned && !isCa && !booleanOption(options, 'self_sign')) {
    throw new OptionError('a certificate that is no CA needs "ca", the name of the variable that signs it');
  }
  const subject = subjectOf(options);
  const days = numberOption(options, 'duration', { min: 1, max: durationMaxDays }) ?? durationUsualDays;
  const extensions = extensionsOf(options, isCa); // before the key, which takes a while
  const keyLength = keyLengthOf(options, keyLengthUsual);
  const foreign = selfSigned ? null : await loadSigner(caName, authority);
  const { privateKey, publicKey } = await makeRsaKey(keyLength);
  const keyId = keyIdentifier(publicKey);
  const signer: Signer = foreign ?? { name: subject, keyId, key: privateKey, pem: null };
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: randomBytes(16).toString('hex'),
      subject,
      issuer: signer.name,
      notBefore: now,
      notAfter: new Date(now.getTime() + days * dayMs),
      publicKey: publicKey.export({ type: 'spki', format: 'der' }),
      signingKey: await signingKey(signer.key),
      signingAlgorithm: { name: 'RSASSA-PKCS1-v1_5' },
      extensions: [
        ...extensions,
        new SubjectKeyIdentifierExtension(keyId),
        ...(signer.keyId === '' ? [] : [new AuthorityKeyIdentifierExtension(signer.keyId)]),
      ],
    },
    webcrypto,
  );
  const pem = withFinalBreak(certificate.toString('pem'));
  return { ca: signer.pem ?? pem, certificate: pem, private_key: pkcs1(privateKey) };
}

function withFinalBreak(pem: string): string {
  return `${pem.trimEnd()}\n`;
}

function subjectOf(options: YamlMap): Name {
  const part = (type: string, key: string, usual: string | null) => {
    const text = textOption(options, key) ?? usual;
    return text === null || text === '' ? [] : [{ [type]: [text] }];
  };
  return new Name([
    ...part('C', 'country', 'US'),
    ...part('ST', 'state', null),
    ...part('L', 'locality', null),
    ...part('O', 'organization', 'Cloud Foundry'),
    ...part('OU', 'organization_unit', null),
    ...part('CN', 'common_name', null),
  ]);
}

function extensionsOf(options: YamlMap, isCa: boolean): Extension[] {
  const usual = isCa ? ['key_cert_sign', 'crl_sign'] : ['digital_signature', 'key_encipherment'];
  const usages = pick(textsOption(options, 'key_usage'), keyUsages, 'key_usage', usual);
  const extensions: Extension[] = [
    new BasicConstraintsExtension(isCa, undefined, true),
    new KeyUsagesExtension(
      usages.reduce<number>((flags, flag) => flags | flag, 0),
      true,
    ),
  ];
  const wantedExtended = textsOption(options, 'extended_key_usage');
  if (!isCa || wantedExtended.length > 0) {
    const extended = pick(wantedExtended, extendedKeyUsages, 'extended_key_usage', ['server_auth']);
    extensions.push(new ExtendedKeyUsageExtension(extended));
  }
  const names = textsOption(options, 'alternative_names');
  if (names.length > 0) {
    extensions.push(
      new SubjectAlternativeNameExtension(
        names.map((name) =>
          canonicalIp(name) === undefined ? { type: 'dns', value: name } : { type: 'ip', value: name },
        ),
      ),
    );
  }
  return extensions;
}

function pick<T>(
  wanted: readonly string[],
  from: Readonly<Record<string, T>>,
  option: string,
  usual: readonly string[],
): T[] {
  return (wanted.length === 0 ? usual : wanted).map((name) => {
    const found = from[name];
    if (found !== undefined) return found;
    throw new OptionError(`${option} "${name}" is none of ${Object.keys(from).join(', ')}`);
  });
}

async function loadSigner(name: string, authority: Context['authority']): Promise<Signer> {
  const value = await authority(name);
  if (value === undefined) throw new OptionError(`there is no variable "${name}" to sign with`);
  const certificate = isMap(value) ? value['certificate'] : undefined;
  const privateKey = isMap(value) ? value['private_key'] : undefined;
  if (typeof certificate !== 'string' || typeof privateKey !== 'string') {
    throw new OptionError(`variable "${name}" is no certificate with its private key`);
  }
  try {
    const parsed = new X509Certificate(certificate);
    const key = createPrivateKey(privateKey);
    if (key.asymmetricKeyType !== 'rsa') throw new OptionError(`the key of "${name}" is no RSA key`);
    const identifier = parsed.getExtension(SubjectKeyIdentifierExtension)?.keyId ?? keyIdentifier(createPublicKey(key));
    return { name: parsed.subjectName, keyId: identifier, key, pem: withFinalBreak(parsed.toString('pem')) };
  } catch (error) {
    if (error instanceof OptionError) throw error;
    throw new OptionError(`the certificate or the key of variable "${name}" can't be read`); // the cause might quote the key
  }
}

async function signingKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', pkcs8, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, false, ['sign']);
}
