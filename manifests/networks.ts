import type { IpSet } from './ip-set.ts';
import type { Cidr } from './ip.ts';
import type { YamlMap } from './value.ts';

export type Network = ManualNetwork | DynamicNetwork | VipNetwork;

interface AnyNetwork {
  name: string;
  canonicalName: string;
  /** Length of the prefix that each instance gets: 32 or 128, or shorter when addresses are delegated in blocks. */
  prefix: number;
}

/** The director chooses the addresses. */
export interface ManualNetwork extends AnyNetwork {
  type: 'manual';
  managed: boolean;
  /** In the config's order, which is the order in which addresses are looked for. */
  subnets: readonly ManualSubnet[];
}

export interface ManualSubnet {
  name: string | null;
  /** Null only in a managed network whose range the infrastructure has yet to give. */
  range: Cidr | null;
  gateway: string | null;
  netmask: string | null;
  /** Null: `dns` isn't given, and isn't sent to the agent. */
  dns: readonly string[] | null;
  azs: readonly string[] | null;
  cloudProperties: YamlMap;
  /** Never given out: the reserved ones, gateway, first and last address, and the director's own. */
  restricted: IpSet;
  /** Given out only to those that ask by name. */
  statics: IpSet;
  prefix: number;
  netmaskBits: number | null;
}

/** The infrastructure chooses. */
export interface DynamicNetwork extends AnyNetwork {
  type: 'dynamic';
  subnets: readonly DynamicSubnet[];
}

export interface DynamicSubnet {
  dns: readonly string[] | null;
  azs: readonly string[] | null;
  cloudProperties: YamlMap;
}

/** Addresses that are mapped to VMs from outside. Without subnets each instance names its own. */
export interface VipNetwork extends AnyNetwork {
  type: 'vip';
  cloudProperties: YamlMap;
  subnets: readonly VipSubnet[];
}

export interface VipSubnet {
  statics: IpSet;
  azs: readonly string[] | null;
}

/** Every AZ that some subnet names, in order. */
export function azsOf(network: Network): string[] {
  return [...new Set(network.subnets.flatMap((subnet) => subnet.azs ?? []))];
}

/** Whether the network has a subnet for each of these AZs; null asks for a subnet that is in none. */
export function coversAzs(network: Network, azs: readonly string[] | null): boolean {
  if (network.type === 'vip') return true;
  const covered = new Set(azsOf(network));
  if (azs !== null) return azs.every((az) => covered.has(az));
  return covered.size === 0 || network.subnets.some((subnet) => subnet.azs === null);
}
