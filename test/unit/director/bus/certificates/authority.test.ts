import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { systemClock, VirtualClock } from '../../../../../common/clock.ts';
import { CertificateAuthority, isSignedBy } from '../../../../../director/bus/certificates/authority.ts';

const hourMs = 3_600_000;
const made = CertificateAuthority.create('gantry-ca', systemClock);
const authority = new CertificateAuthority(made, systemClock);

test('an authority signs itself, and may sign others', () => {
  const parsed = new X509Certificate(made.certificate);
  expect(parsed.ca).toBe(true);
  expect(parsed.checkIssued(parsed)).toBe(true);
  expect(parsed.verify(parsed.publicKey)).toBe(true);
  expect(parsed.subject).toBe('C=USA\nO=Cloud Foundry\nCN=gantry-ca');
});

test('a server’s certificate names its hosts', async () => {
  const hosts = ['director.example.com', 'localhost', '127.0.0.1', '10.0.0.6', '2001:db8::6'];
  const issued = await authority.issue({ commonName: 'api', use: 'server', hosts, validMs: hourMs });
  const parsed = new X509Certificate(issued.certificate);
  expect(parsed.ca).toBe(false);
  expect(parsed.checkIssued(new X509Certificate(made.certificate))).toBe(true);
  expect(isSignedBy(issued, authority)).toBe(true);
  expect(parsed.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(hosts.filter((host) => !(parsed.checkHost(host) ?? parsed.checkIP(host)))).toEqual([]);
  expect(parsed.checkHost('other.example.com')).toBeUndefined();
});

test('a client’s certificate is for clients only, with the longest name there is', async () => {
  const commonName = '7d5c1a34-0000-4000-8000-000000000001.bootstrap.agent.bosh-internal'; // 66: RFC 5280 says 64, BOSH does it
  const { certificate } = await authority.issue({ commonName, use: 'client', validMs: hourMs });
  const parsed = new X509Certificate(certificate);
  expect(parsed.subject).toContain(`CN=${commonName}`);
  expect(parsed.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
});

test('it counts from the day before, since a new machine’s clock may be behind, beyond 2049 too', async () => {
  const clock = new VirtualClock(Date.UTC(2049, 11, 31, 12));
  const late = new CertificateAuthority(CertificateAuthority.create('late', clock), clock);
  const { certificate } = await late.issue({ commonName: 'x', use: 'client', validMs: 48 * hourMs });
  const parsed = new X509Certificate(certificate);
  expect(new Date(parsed.validFrom).toISOString()).toBe('2049-12-30T12:00:00.000Z');
  expect(new Date(parsed.validTo).toISOString()).toBe('2050-01-02T12:00:00.000Z');
});

test('each has its own serial number and key', async () => {
  const request = { commonName: 'x', use: 'client', validMs: hourMs } as const;
  const [a, b] = await Promise.all([authority.issue(request), authority.issue(request)]);
  expect(a.privateKey).not.toBe(b.privateKey);
  expect(new X509Certificate(a.certificate).serialNumber).not.toBe(new X509Certificate(b.certificate).serialNumber);
});

test('a hundred and fifty at a time leave others their turn', async () => {
  const fresh = new CertificateAuthority(made, systemClock);
  let turns = 0;
  let done = false;
  const count = () => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  const request = { commonName: 'x', use: 'client', validMs: hourMs } as const;
  const issued = await Promise.all(Array.from({ length: 150 }, () => fresh.issue(request)));
  done = true;
  expect(issued).toHaveLength(150);
  expect(turns).toBeGreaterThanOrEqual(2);
});

describe('an authority that cannot be used', () => {
  test.each([
    ['no certificate', { ...made, certificate: 'oops' }],
    ['no key', { ...made, privateKey: 'oops' }],
    ['the key of another', { ...made, privateKey: CertificateAuthority.create('other', systemClock).privateKey }],
  ])('%s', (_, pair) => {
    expect(() => new CertificateAuthority(pair, systemClock)).toThrow(
      expect.objectContaining({ code: 'certificate-authority-invalid' }),
    );
  });

  test('a certificate that may not sign', async () => {
    const leaf = await authority.issue({ commonName: 'x', use: 'server', validMs: hourMs });
    expect(() => new CertificateAuthority(leaf, systemClock)).toThrow(/not an authority/);
  });
});
