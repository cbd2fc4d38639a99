import { systemClock } from '../../common/clock.ts';
import { OperatorError } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import type { AgentPermit, Bus } from '../bus/bus.ts';
import { CertificateAuthority } from '../bus/certificates/authority.ts';
import { busClientCertificate } from '../bus/certificates/bus-client.ts';
import type { PemStore } from '../bus/certificates/kept.ts';
import { openEmbeddedBus, type EmbeddedBus } from '../bus/embedded-bus.ts';
import { directorIdentity, healthMonitorIdentity } from '../bus/identity.ts';
import { openNatsBus } from '../bus/nats-bus.ts';
import type { DirectorConfig } from '../config.ts';
import { namedPem } from '../config/named-file.ts';
import type { Store } from '../store/store.ts';

export interface OpenBusDeps {
  store: Store;
  authority: CertificateAuthority;
  pems: PemStore;
  log: Log;
}

/** The bus that the config names; `embedded`: the one that runs in this process, if that is it. */
export async function openBus(
  { bus }: Pick<DirectorConfig, 'bus'>,
  deps: OpenBusDeps,
): Promise<{ bus: Bus; embedded: EmbeddedBus | null }> {
  if (bus.kind === 'nats') return { bus: await openScaledBus(bus, deps), embedded: null };
  const embedded = await openOwnBus(bus, deps);
  return { bus: embedded, embedded };
}

type BusConfig<K extends DirectorConfig['bus']['kind']> = Extract<DirectorConfig['bus'], { kind: K }>;

/** An attribute of the store: where the bus listened last. */
const portAttribute = 'bus-port';

/**
 * Where any free port will do, the one that was found stays: machines have it in their settings and come back to it
 * when the director starts again. Only while there are none may it be another.
 */
async function openOwnBus(
  { address, port, advertisedHost }: BusConfig<'embedded'>,
  { store, authority, pems, log }: OpenBusDeps,
): Promise<EmbeddedBus> {
  const agents = await permitsOf(store);
  const openAt = (at: number) =>
    openEmbeddedBus(
      { listen: { host: address, port: at, reachableAt: [advertisedHost ?? address] }, agents },
      { authority, store: pems, clock: systemClock, log },
    );
  if (port !== 0) return openAt(port);
  const kept = Number((await store.attribute(portAttribute)) ?? 0);
  const bus = await openAt(kept).catch((thrown: unknown) => {
    const isTaken = thrown instanceof OperatorError && thrown.code === 'bus-port-unavailable';
    if (!isTaken || kept === 0 || agents.length > 0) throw thrown;
    return openAt(0);
  });
  const { port: found } = new URL(bus.endpoint().mbus);
  if (found !== String(kept)) await store.setAttribute(portAttribute, found);
  return bus;
}

async function openScaledBus(
  { urls, caCertificate, caPrivateKey, permissionsFile, reloadPidFile }: BusConfig<'nats'>,
  { store, log }: OpenBusDeps,
): Promise<Bus> {
  const ca = await namedPem('bus.ca_certificate', caCertificate);
  const authority = new CertificateAuthority(
    { certificate: ca, privateKey: await namedPem('bus.ca_private_key', caPrivateKey) },
    systemClock,
  );
  const [first, ...others] = urls;
  if (first === undefined) {
    throw new OperatorError('bus.urls is empty', {
      code: 'config-file-invalid',
      hint: 'Name at least one nats-server: nats://host:4222.',
    });
  }
  return openNatsBus(
    {
      servers: { urls: [first, ...others], ca },
      director: await busClientCertificate(authority, directorIdentity),
      healthMonitor: await busClientCertificate(authority, healthMonitorIdentity),
      ...(permissionsFile === undefined || reloadPidFile === undefined
        ? {}
        : { permissions: { file: permissionsFile, reload: { pidFile: reloadPidFile } } }),
    },
    { authority, agents: () => permitsOf(store), clock: systemClock, log },
  );
}

async function permitsOf(store: Store): Promise<AgentPermit[]> {
  return (await store.instances.all()).flatMap(({ vms }) =>
    vms.map(({ agentId, permanentCredentials }) => ({ agentId, bootstrap: !permanentCredentials })),
  );
}
