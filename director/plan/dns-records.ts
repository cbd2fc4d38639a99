import type { AgentId } from '../../common/ids.ts';
import type { NetworkSettings } from '../../agent/protocol.ts';
import type { DnsRecord } from '../store/dns.ts';

export interface NamedInstance {
  deployment: string;
  group: string;
  az: string | null;
  domain: string;
  networks: Readonly<Record<string, NetworkSettings>>;
  agentId: AgentId | null;
  links: readonly string[];
}

/** What others are told of an instance: one record for each network in which its address is known. */
export function dnsRecordsOf({ networks, ...about }: NamedInstance): DnsRecord[] {
  return Object.entries(networks).flatMap(([network, { ip }]) =>
    ip === undefined || ip === '' ? [] : [{ ...about, network, ip }],
  );
}

export function sameRecords(a: readonly DnsRecord[], b: readonly DnsRecord[]): boolean {
  const texts = (records: readonly DnsRecord[]) => records.map(recordText).sort();
  const [own, others] = [texts(a), texts(b)];
  return own.length === others.length && own.every((text, i) => text === others[i]);
}

function recordText({ network, deployment, group, az, ip, domain, agentId, links }: DnsRecord): string {
  return JSON.stringify([network, deployment, group, az, ip, domain, agentId, links]);
}
