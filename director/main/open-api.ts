import type { RequestHandler } from 'express';
import type { Chance } from '../../common/chance.ts';
import type { InstanceWatch } from '../explain/facts.ts';
import type { CertificateExpiry } from '../api/contract/operations.ts';
import { createApi, listen } from '../api/server.ts';
import { Permissions } from '../auth/permissions.ts';
import type { Blobstore } from '../blobs/blobstore.ts';
import type { CertificateAuthority } from '../bus/certificates/authority.ts';
import { expiresAt, keptServerCertificate } from '../bus/certificates/kept.ts';
import type { DirectorConfig } from '../config.ts';
import { namedPem } from '../config/named-file.ts';
import type { ConfigServer } from '../credentials/config-server.ts';
import type { Store } from '../store/store.ts';
import type { TaskEngine } from '../tasks/engine.ts';
import { openAudit } from './open-audit.ts';
import { openIdentity } from './open-identity.ts';

/** How certificates are kept, and with which clock and log. */
type Keeping = Parameters<typeof keptServerCertificate>[2];

export interface ApiParts {
  store: Store;
  blobs: Blobstore;
  engine: TaskEngine;
  authority: CertificateAuthority;
  keeping: Keeping;
  uuid: string;
  /** The name of the CPI, for `bosh environment`. */
  cpi: string;
  spoolDir: string;
  configServer: ConfigServer;
  chance: Chance;
  watch: InstanceWatch;
  /** Sees every request. */
  observe: RequestHandler;
}

/** The director's front door: who may come in, and what they may ask for. It listens when this resolves. */
export async function openApi(
  config: DirectorConfig,
  { version, revision }: { version: string; revision: string },
  { store, blobs, engine, authority, keeping, uuid, cpi, spoolDir, configServer, chance, watch, observe }: ApiParts,
): Promise<{ url: string; close: () => Promise<void> }> {
  const { clock, log } = keeping;
  const { listen: at, limits } = config;
  const times = { requestMsMax: limits.requestMinutes * 60_000, idleMsMax: limits.idleSeconds * 1000 };
  const certificate = await apiCertificate(config, authority, keeping);
  const permissions = new Permissions(uuid);
  const [host = '127.0.0.1'] = at.hostnames;
  let port = at.port;
  const apiUrl = () => `https://${host}:${port}`;
  const opened = await openIdentity(config, { store, permissions, version, apiUrl, clock, chance, log });
  const { type: authType } = opened.identity.clientInfo();
  const audit = openAudit(config, log, { version, port: () => port, authType });
  const app = createApi({
    ...opened,
    audit: audit.tell,
    store,
    blobs,
    tasks: engine,
    permissions,
    director: {
      name: config.name,
      uuid,
      version,
      revision,
      cpi,
      stemcellOs: '',
      stemcellVersion: '',
      localDns: { enabled: config.dns.enabled, domain: config.dns.domain },
      snapshots: config.disks.snapshots,
      configServer: { enabled: true, urls: [] },
      recordEvents: config.events.record,
    },
    observe,
    clock,
    chance,
    log,
    limits: {
      ...times,
      uploadBytesMax: limits.uploadGib * 1024 ** 3,
      freeBytesMin: limits.freeDiskMib * 1024 ** 2,
    },
    spoolDir,
    watch,
    configServer,
    cpiNames: () => Promise.resolve([{ name: '', aliases: [] }]),
    certificates: () => Promise.resolve(expiries({ api: certificate.cert, ca: authority.certificate }, clock.now())),
  });
  const served = await listen(app, { host: at.address, port: at.port, tls: certificate, limits: times });
  ({ port } = served);
  return { url: apiUrl(), close: () => served.close().finally(audit.close) };
}

/** For `bosh environment --details`. */
function expiries(pems: Record<string, string>, nowMs: number): CertificateExpiry[] {
  return Object.entries(pems).map(([name, pem]) => ({
    certificate_path: name,
    expiry: new Date(expiresAt(pem)).toISOString(),
    days_left: Math.floor((expiresAt(pem) - nowMs) / 86_400_000),
  }));
}

/** The one that the config names, or one of our own CA, renewed at a start when it is due. */
async function apiCertificate(
  { listen: { certificate, privateKey, hostnames }, name }: DirectorConfig,
  authority: CertificateAuthority,
  keeping: Keeping,
): Promise<{ cert: string; key: string }> {
  if (certificate !== undefined && privateKey !== undefined) {
    return {
      cert: await namedPem('listen.certificate', certificate),
      key: await namedPem('listen.private_key', privateKey),
    };
  }
  const kept = await keptServerCertificate(
    { name: 'api-server', commonName: name, hosts: hostnames },
    authority,
    keeping,
  );
  return { cert: kept.certificate, key: kept.privateKey };
}
