import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { generateValue, type Generation } from '../../../../manifests/generate/generate.ts';
import type { YamlMap, YamlValue } from '../../../../manifests/value.ts';

const now = new Date('2030-01-01T00:00:00Z');
const make = (type: string, options: YamlMap = {}, others: Record<string, YamlValue> = {}) => {
  const generation: Generation = { name: 'x', type, options, now, authority: (name) => Promise.resolve(others[name]) };
  return generateValue(generation) as Promise<Record<string, string>>; // all but passwords are maps of texts
};

describe('a password', () => {
  test('is twenty lower-case letters and digits, or as long as asked', async () => {
    expect(await make('password')).toMatch(/^[a-z0-9]{20}$/);
    expect(await make('password', { length: 64 })).toMatch(/^[a-z0-9]{64}$/);
    expect(await make('password')).not.toBe(await make('password'));
  });

  test("follows CredHub's options for its characters", async () => {
    const options = { exclude_lower: true, exclude_number: true, length: 50 };
    expect(await make('password', options)).toMatch(/^[A-Z]{50}$/);
    await expect(make('password', { ...options, exclude_upper: true })).rejects.toThrow('every character');
  });
});

describe('keys', () => {
  test('of RSA come as PKCS #1 and SPKI, and belong together', async () => {
    const { private_key = '', public_key = '' } = await make('rsa');
    expect(private_key).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/);
    const derived = createPublicKey(createPrivateKey(private_key)).export({ type: 'spki', format: 'pem' });
    expect(public_key).toBe(derived);
  });

  test('of SSH come as a line of authorized_keys with their fingerprint', async () => {
    const { public_key, public_key_fingerprint } = await make('ssh', { ssh_comment: 'me' });
    expect(public_key).toMatch(/^ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB[A-Za-z0-9+/=]+ me\n$/);
    expect(public_key_fingerprint).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);
  });

  test('are made without holding up anything else', async () => {
    let ticks = 0;
    const ticker = setInterval(() => ticks++, 1);
    await make('rsa');
    clearInterval(ticker);
    expect(ticks).toBeGreaterThan(3); // made in this thread, it would be none
  });
});

describe('a certificate', () => {
  test('of a CA signs itself; one that it signs is trusted by it', async () => {
    const ca = await make('certificate', { is_ca: true, common_name: 'root', key_length: 2048 });
    const leaf = await make(
      'certificate',
      {
        ca: 'the-ca',
        common_name: 'web',
        organization: 'Us',
        alternative_names: ['web.internal', '10.0.0.1', 'fd00::1', '*.web'],
        extended_key_usage: ['client_auth', 'server_auth'],
        duration: 30,
        key_length: 2048,
      },
      { 'the-ca': ca },
    );
    const [root, web] = [new X509Certificate(ca['certificate'] ?? ''), new X509Certificate(leaf['certificate'] ?? '')];
    expect(root.ca).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
    expect(web.ca).toBe(false);
    expect(web.checkIssued(root) && web.verify(root.publicKey)).toBe(true);
    expect(leaf['ca']).toBe(ca['certificate']);
    expect(web.checkPrivateKey(createPrivateKey(leaf['private_key'] ?? ''))).toBe(true);
    expect(web.subject).toBe('C=US\nO=Us\nCN=web');
    expect(web.subjectAltName).toBe('DNS:web.internal, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1, DNS:*.web');
    expect(web.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1']);
    expect(new Date(web.validFrom)).toEqual(now);
    expect(new Date(web.validTo)).toEqual(new Date('2030-01-31T00:00:00Z'));
  });

  test('of a CA may be signed by another CA', async () => {
    const root = await make('certificate', { is_ca: true, common_name: 'root', key_length: 2048 });
    const between = await make(
      'certificate',
      { is_ca: true, ca: 'root', common_name: 'between', key_length: 2048 },
      { root },
    );
    const certificate = new X509Certificate(between['certificate'] ?? '');
    expect(certificate.ca && certificate.verify(new X509Certificate(root['certificate'] ?? '').publicKey)).toBe(true);
  });

  test.each([
    [{}, 'needs "ca"'],
    [{ ca: 'gone' }, 'no variable "gone"'],
    [{ ca: 'odd' }, 'no certificate with its private key'],
    [{ is_ca: true, key_length: 1024 }, 'key_length 1024'],
    [{ is_ca: true, common_nam: 'x' }, 'did you mean "common_name"'],
    [{ ca: 'gone', extended_key_usage: ['all'] }, 'extended_key_usage "all"'],
    [{ ca: 'broken' }, "can't be read"],
  ])('is refused with %j', async (options, message) => {
    const others = { odd: 'text', broken: { certificate: 'x', private_key: 'y' } };
    await expect(make('certificate', options as YamlMap, others)).rejects.toThrow(message);
  });
});

test('other types are refused by name', async () => {
  await expect(make('user')).rejects.toMatchObject({
    code: 'variable-generation-failed',
    details: { boshCode: 540005 },
  });
});
