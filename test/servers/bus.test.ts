import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../common/clock.ts';
import { CertificateAuthority } from '../../director/bus/certificates/authority.ts';
import { busClientCertificate } from '../../director/bus/certificates/bus-client.ts';
import { directorIdentity, healthMonitorIdentity, type Identity } from '../../director/bus/identity.ts';
import { busContract } from '../contract/bus.contract.ts';
import { wireEnd } from '../support/bus/agent-end.ts';
import { givenNatsServer } from '../support/bus/given-nats-server.ts';

busContract('nats-server', async () => {
  const { bus, url, close } = await givenNatsServer();
  return {
    bus,
    connectAgent: async (agentId, kind) => wireEnd(url, await bus.issueCredentials(agentId, kind)),
    close,
  };
});

test('nats-server itself holds the director and the health monitor to their subjects', async () => {
  const { bus, authority, url, close } = await givenNatsServer();
  onTestFinished(async () => {
    await bus.close();
    await close();
  });
  const connectAs = async (identity: Identity) => {
    const { certificate, privateKey } = await busClientCertificate(authority, identity);
    return wireEnd(url, { ca: authority.certificate, certificate, private_key: privateKey });
  };
  const monitor = await connectAs(healthMonitorIdentity);
  // As BOSH writes it, with an empty list, it could command every agent.
  await expect(monitor.publish('agent.web', 'hi')).rejects.toThrow(/Permissions Violation/);
  const director = await connectAs(directorIdentity);
  await expect(director.publish('hm.agent.heartbeat.web', 'hi')).rejects.toThrow(/Permissions Violation/);
  await expect(director.subscribe('agent.*')).rejects.toThrow(/Permissions Violation/);
  await Promise.all([monitor.close(), director.close()]);
});

test('openssl accepts what we sign, for the purpose that it was signed for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gantry-openssl-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const openssl = async (...args: string[]) => (await promisify(execFile)('openssl', args, { cwd: folder })).stdout;
  const authority = new CertificateAuthority(CertificateAuthority.create('gantry-ca', systemClock), systemClock);
  const server = await authority.issue({
    commonName: 'api',
    use: 'server',
    hosts: ['director.example.com', '10.0.0.6', '2001:db8::6'],
    validMs: 3_600_000,
  });
  const agentId = '7d5c1a34-0000-4000-8000-000000000001';
  const agent = await busClientCertificate(authority, { kind: 'agent', agentId, bootstrap: true });
  await writeFile(join(folder, 'ca.pem'), authority.certificate);
  await writeFile(join(folder, 'server.pem'), server.certificate);
  await writeFile(join(folder, 'agent.pem'), agent.certificate);

  const strict = ['verify', '-x509_strict', '-CAfile', 'ca.pem'];
  expect(await openssl(...strict, '-purpose', 'sslserver', '-verify_ip', '2001:db8::6', 'server.pem')).toContain('OK');
  expect(await openssl(...strict, '-verify_hostname', 'director.example.com', 'server.pem')).toContain('OK');
  expect(await openssl(...strict, '-purpose', 'sslclient', 'agent.pem')).toContain('OK');
  await expect(openssl(...strict, '-purpose', 'sslserver', 'agent.pem')).rejects.toThrow();
  expect(await openssl('x509', '-in', 'agent.pem', '-noout', '-subject')).toContain(`CN = ${agentId}.bootstrap.agent`);
});

test('an authority of another make signs too: RSA, as BOSH’s own', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gantry-openssl-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const openssl = async (...args: string[]) => (await promisify(execFile)('openssl', args, { cwd: folder })).stdout;
  const subject = '/C=US/O=Cloud Foundry/CN=default.nats-ca.bosh-internal';
  const request = `req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2`.split(' ');
  await openssl(...request, '-subj', subject);
  const [certificate, privateKey] = [await openssl('x509', '-in', 'ca.pem'), await openssl('pkey', '-in', 'ca.key')];
  const authority = new CertificateAuthority({ certificate, privateKey }, systemClock);
  const agent = await busClientCertificate(authority, { kind: 'agent', agentId: 'a1', bootstrap: false });
  await writeFile(join(folder, 'agent.pem'), agent.certificate);
  expect(await openssl('verify', '-CAfile', 'ca.pem', 'agent.pem')).toContain('OK');
});
