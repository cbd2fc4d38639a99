import type { Store } from '../store/store.ts';
import { certificateFacts } from './certificate-facts.ts';
import type { ConfigServer } from './config-server.ts';

const dayMs = 86_400_000;

export interface KnownCertificate {
  /** Of the variable. */
  name: string;
  /** Of its version. */
  id: string;
  expiresAtMs: number;
  /** Whole days, rounded down: negative once it has expired. */
  daysLeft: number;
}

interface Deps {
  store: Pick<Store, 'variableSets'>;
  configServer: ConfigServer;
  nowMs: number;
}

/** The certificates that a deployment was last deployed with. */
export async function certificatesOf(
  deployment: string,
  { store: { variableSets }, configServer, nowMs }: Deps,
): Promise<KnownCertificate[]> {
  const set = await variableSets.lastSuccessful(deployment);
  if (set === null) return [];
  const pins = (await variableSets.pins([set])).get(set) ?? [];
  const found = await configServer.byId([...new Set(pins.map(({ versionId }) => versionId))]);
  return pins.flatMap(({ name, versionId }) => {
    const facts = certificateFacts(found.get(versionId)?.value ?? null);
    return facts === undefined ? [] : [known({ name, id: versionId }, facts.expiresAtMs, nowMs)];
  });
}

function known(of: { name: string; id: string }, expiresAtMs: number, nowMs: number): KnownCertificate {
  return { ...of, expiresAtMs, daysLeft: Math.floor((expiresAtMs - nowMs) / dayMs) };
}
