import type { Features } from '../deployment-manifest.ts';
import type { Section } from './section.ts';

const codes = { notBoolean: 560001, contradiction: 210001 } as const;

const keys = [
  'use_dns_addresses',
  'use_short_dns_addresses',
  'use_link_dns_names',
  'randomize_az_placement',
  'converge_variables',
  'use_tmpfs_config',
];

/** Names by link mean DNS addresses, and short ones; who switches them on can't switch these off. Source: deployment_features_parser.rb. */
export function parseFeatures(root: Section): Features {
  const features = root.optionalSection('features');
  const read = (key: string) => features?.optionalBoolean(key, codes.notBoolean) ?? null;
  features?.knows(keys);
  const useLinkDnsNames = read('use_link_dns_names') ?? false;
  const implied = (key: string) => {
    const value = read(key);
    if (useLinkDnsNames && value === false) {
      features?.fault(key, {
        message: `use_link_dns_names needs "${key}"`,
        boshCode: codes.contradiction,
        suggestion: 'leave it out, or set use_link_dns_names to false',
      });
    }
    return value ?? (useLinkDnsNames ? true : null);
  };
  return {
    useDnsAddresses: implied('use_dns_addresses'),
    useShortDnsAddresses: implied('use_short_dns_addresses'),
    useLinkDnsNames,
    randomizeAzPlacement: read('randomize_az_placement') ?? false,
    convergeVariables: read('converge_variables') ?? false,
    useTmpfsConfig: read('use_tmpfs_config'),
  };
}
