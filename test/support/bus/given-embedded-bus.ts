import { systemClock, type Clock } from '../../../common/clock.ts';
import { silentLog, type Log } from '../../../common/log.ts';
import type { AgentPermit } from '../../../director/bus/bus.ts';
import type { BrokerLimits } from '../../../director/bus/broker/limits.ts';
import { CertificateAuthority } from '../../../director/bus/certificates/authority.ts';
import type { PemStore } from '../../../director/bus/certificates/kept.ts';
import { openEmbeddedBus, type EmbeddedBus } from '../../../director/bus/embedded-bus.ts';

export interface GivenBusOptions {
  /** On a free port of this machine. Default: simulated agents only. */
  listens?: boolean;
  port?: number;
  agents?: AgentPermit[];
  limits?: Partial<BrokerLimits>;
  clock?: Clock;
  log?: Log;
}

export function memoryPems(): PemStore & { saved: Map<string, string> } {
  const saved = new Map<string, string>();
  return {
    saved,
    load: async (name) => saved.get(name),
    save: async (name, pem) => void saved.set(name, pem),
  };
}

export function givenEmbeddedBus(options: GivenBusOptions = {}): Promise<EmbeddedBus> {
  const { listens = false, port = 0, agents = [], limits = {}, clock = systemClock, log = silentLog } = options;
  return openEmbeddedBus(
    {
      agents,
      limits,
      ...(listens ? { listen: { host: '127.0.0.1', port, reachableAt: ['127.0.0.1'] } } : {}),
    },
    {
      authority: new CertificateAuthority(CertificateAuthority.create('test-ca', clock), clock),
      store: memoryPems(),
      clock,
      log,
    },
  );
}
