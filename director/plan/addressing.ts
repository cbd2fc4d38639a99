import type { InstanceId } from '../../common/ids.ts';
import type { NetworkSettings } from '../../agent/protocol.ts';
import type { DnsGroup } from '../store/dns.ts';
import { dnsQueryName, type Numbers } from './dns-names.ts';
import type { WantedDeployment } from './wanted.ts';

/** By what an instance is told to others in one of its networks. */
export interface Address {
  deployment: Pick<WantedDeployment, 'name' | 'dns'>;
  instance: InstanceId;
  /** The group of names that it is found in. */
  group: DnsGroup;
  short: boolean;
  network: string;
  settings: NetworkSettings;
}

/**
 * Its IP, or its name in DNS where that is preferred. In a dynamic network it is the name in any case: an address there
 * is known late, and another one after the next recreation. Source: deployment_plan/network_settings.rb.
 */
export function addressOf(address: Address, prefersName: boolean, numbers: Numbers): string | null {
  const { deployment, instance, group, short, network, settings } = address;
  const { dns } = deployment;
  if (settings.type !== 'dynamic' && !(prefersName && dns.enabled)) return settings.ip ?? null;
  return dnsQueryName({ group, deployment: deployment.name, network, domain: dns.domain, instance, short }, numbers);
}
