import { canonicalName } from '../../manifests/canonical-name.ts';
import { rangeSize } from '../../manifests/ip.ts';
import { parseCloudConfig } from '../../manifests/parse/cloud-config.ts';
import { documentOf, readYaml } from '../../manifests/yaml.ts';
import type { Store } from '../store/store.ts';

export interface NetworkAddresses {
  name: string;
  total: number;
  free: number;
}

/** How many addresses the director may choose in each manual network, as BOSH counts them. */
export async function dynamicAddresses(store: Pick<Store, 'configs' | 'instances'>): Promise<NetworkAddresses[]> {
  const configs = await store.configs.currentOf('cloud', 'all');
  if (configs.length === 0) return [{ name: 'no_networks', total: 0, free: 0 }];
  const documents = configs.map(({ content, name }) => documentOf(readYaml(content, name).value));
  const used = await store.instances.countDynamicAddresses();
  return [...parseCloudConfig(documents).value.networks.values()].flatMap((network) => {
    if (network.type !== 'manual') return [];
    const total = network.subnets.reduce((sum, { range, statics, restricted }) => {
      return range === null ? sum : sum + rangeSize(range) - statics.size - restricted.size;
    }, 0n);
    const name = canonicalName(network.name).replaceAll('-', '_');
    return [{ name, total: Number(total), free: Number(total) - (used.get(network.name) ?? 0) }];
  });
}
