import { canonicalName, canonicalNameFault } from '../canonical-name.ts';
import type { Network } from '../networks.ts';
import type { CloudConfigOptions } from '../options.ts';
import { refuseDuplicates } from './duplicates.ts';
import { parseManualNetwork } from './manual-network.ts';
import { parseDynamicNetwork, parseVipNetwork } from './other-networks.ts';
import type { Section } from './section.ts';

const codes = { canonicalNameTaken: 190007, unknownType: 190010 } as const;

export function parseNetworks(
  sections: readonly Section[],
  azs: ReadonlySet<string>,
  options: CloudConfigOptions,
): Network[] {
  const networks = sections.map((section) => parseNetwork(section, azs, options));
  const named = networks.map((network, i) => ({ name: network.canonicalName, section: sections[i] }));
  refuseDuplicates(
    named.flatMap(({ name, section }) => (section === undefined ? [] : [{ name, section }])),
    { boshCode: codes.canonicalNameTaken, what: 'network whose name in DNS is' },
  );
  return networks;
}

function parseNetwork(section: Section, azs: ReadonlySet<string>, options: CloudConfigOptions): Network {
  const name = section.text('name');
  const bad = canonicalNameFault(name);
  if (bad !== undefined) section.fault('name', bad);
  const names = { name, canonicalName: canonicalName(name) };
  switch (section.choice('type', ['manual', 'dynamic', 'vip'], 'manual', codes.unknownType)) {
    case 'manual':
      return parseManualNetwork(section, names, azs, options);
    case 'dynamic':
      return parseDynamicNetwork(section, names, azs);
    case 'vip':
      return parseVipNetwork(section, names, azs);
  }
}
