import type { MbusCredentials } from '../bus.ts';
import { commonNameOf, type Identity } from '../identity.ts';
import type { Certificate, CertificateAuthority } from './authority.ts';

const dayMs = 86_400_000;

/** As BOSH: a VM is recreated for a new stemcell long before. */
const permanentValidMs = 2 * 365 * dayMs;
/** Long enough for a VM that a failed deploy left before its permanent credentials came; until then it may reconnect. */
const bootstrapValidMs = 30 * dayMs;

/** The certificate by which nats-server and our broker know a client. */
export function busClientCertificate(authority: CertificateAuthority, identity: Identity): Promise<Certificate> {
  return authority.issue({
    commonName: commonNameOf(identity),
    use: 'client',
    validMs: identity.kind === 'agent' && identity.bootstrap ? bootstrapValidMs : permanentValidMs,
  });
}

/** The same, in the words of an agent's settings. `ca` is what the agent shall trust: the authority of the server. */
export async function agentCredentials(
  authority: CertificateAuthority,
  { agentId, bootstrap, ca }: { agentId: string; bootstrap: boolean; ca: string },
): Promise<MbusCredentials> {
  const { certificate, privateKey } = await busClientCertificate(authority, { kind: 'agent', agentId, bootstrap });
  return { ca, certificate, private_key: privateKey };
}
