import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../common/clock.ts';
import { silentLog } from '../../../common/log.ts';
import type { AgentPermit, Bus } from '../../../director/bus/bus.ts';
import { CertificateAuthority } from '../../../director/bus/certificates/authority.ts';
import { busClientCertificate } from '../../../director/bus/certificates/bus-client.ts';
import { busServerCommonName, directorIdentity, healthMonitorIdentity } from '../../../director/bus/identity.ts';
import { openNatsBus } from '../../../director/bus/nats-bus.ts';
import { permissionsText } from '../../../director/bus/nats/permissions-file.ts';

const startWithinMs = 10_000;
const hourMs = 3_600_000;

/** A nats-server on a free port, configured as in BOSH's own job, and the bus that speaks through it. */
export async function givenNatsServer(agents: AgentPermit[] = []): Promise<{
  bus: Bus;
  authority: CertificateAuthority;
  folder: string;
  url: string;
  close: () => Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'gantry-nats-'));
  const authority = new CertificateAuthority(CertificateAuthority.create('test-ca', systemClock), systemClock);
  const server = await authority.issue({
    commonName: busServerCommonName,
    use: 'server',
    hosts: ['localhost', '127.0.0.1'],
    validMs: hourMs,
  });
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  await write('ca.pem', authority.certificate);
  await write('server.pem', server.certificate);
  await write('server.key', server.privateKey);
  await write('auth.json', permissionsText([]));
  await write('nats.conf', configuration(folder));

  const child = spawn('nats-server', ['-c', join(folder, 'nats.conf'), '--ports_file_dir', folder], {
    stdio: 'ignore',
  });
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`nats-server ended with ${String(code)}`)));
  });
  ended.catch(() => {}); // looked at while it starts
  const url = await Promise.race([ended, portOf(join(folder, `nats-server_${String(child.pid)}.ports`))]);

  const bus = await openNatsBus(
    {
      servers: { urls: [url], ca: authority.certificate },
      director: await busClientCertificate(authority, directorIdentity),
      healthMonitor: await busClientCertificate(authority, healthMonitorIdentity),
      permissions: { file: join(folder, 'auth.json'), reload: { pidFile: join(folder, 'nats.pid') } },
    },
    { authority, agents: async () => agents, clock: systemClock, log: silentLog },
  );
  const close = async () => {
    child.kill();
    await ended.catch(() => {});
    await rm(folder, { recursive: true, force: true });
  };
  return { bus, authority, folder, url, close };
}

function configuration(folder: string): string {
  return `
host: 127.0.0.1
port: -1
pid_file: "${folder}/nats.pid"
tls {
  cert_file: "${folder}/server.pem"
  key_file: "${folder}/server.key"
  ca_file: "${folder}/ca.pem"
  verify_and_map: true
  timeout: 30
}
ping_interval: 5
ping_max: 2
max_payload: 1048576
include auth.json
`;
}

async function portOf(file: string): Promise<string> {
  const endMs = performance.now() + startWithinMs;
  while (performance.now() < endMs) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const [url] = text === '' ? [] : (JSON.parse(text) as { nats: string[] }).nats;
    if (url !== undefined) return `nats://${url.replace(/^.*:\/\//, '')}`;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nats-server did not start within ${startWithinMs} ms`);
}
