import { describe, expect, test } from 'vitest';
import { checkAgainst } from '../../../manifests/check-against.ts';
import { parseCloudConfig } from '../../../manifests/parse/cloud-config.ts';
import { parseDeploymentManifest } from '../../../manifests/parse/deployment-manifest.ts';
import { readYaml } from '../../../manifests/yaml.ts';
import { faultsOf, messageAt } from './faults-of.ts';

const cloud = parseCloudConfig(
  readYaml(`
azs: [{name: z1}, {name: z2}]
vm_types: [{name: small}]
disk_types: [{name: big, disk_size: 1}]
networks:
- name: lan
  subnets:
  - {range: 10.0.1.0/24, gateway: 10.0.1.1, az: z1, static: [10.0.1.5-10.0.1.9], reserved: [10.0.1.2]}
  - {range: 10.0.2.0/24, gateway: 10.0.2.1, az: z2, static: [10.0.2.5-10.0.2.9]}
- {name: cloud, type: dynamic}
- {name: own, type: vip}
- {name: pool, type: vip, subnets: [{static: [1.2.3.4]}]}
compilation: {workers: 1, network: cloud}
`),
).value;

const check = (lines: Record<string, string>) => {
  const group = { instances: '1', azs: '[z1]', vm_type: 'small', networks: '[{name: lan}]', ...lines };
  const document = readYaml(`
name: shop
releases: [{name: r, version: 1}]
stemcells: [{alias: d, os: o, version: 1}]
update: {canaries: 1, max_in_flight: 1, canary_watch_time: 1, update_watch_time: 1}
instance_groups:
- name: g
  jobs: []
  stemcell: d
${Object.entries(group)
  .map(([key, value]) => `  ${key}: ${value}`)
  .join('\n')}
`);
  checkAgainst(parseDeploymentManifest(document).value, cloud, document);
};
const faults = (lines: Record<string, string>) =>
  faultsOf(() => check(lines)).map((fault) => fault.replace('instance_groups.0.', ''));
const onLan = (ips: string, more: Record<string, string> = {}) => ({
  networks: `[{name: lan, static_ips: ${ips}}]`,
  ...more,
});

describe('a manifest against its cloud config', () => {
  test('that has all that it names is accepted', () => {
    expect(() => check({ persistent_disk_type: 'big' })).not.toThrow();
    expect(() => check(onLan('[10.0.1.5]'))).not.toThrow();
    expect(() =>
      check({ networks: '[{name: lan, default: [dns, gateway]}, {name: own, static_ips: [9.9.9.9]}]' }),
    ).not.toThrow();
  });

  test('tells all that it lacks at once, with what was meant', () => {
    const lines = {
      azs: '[z9]',
      vm_type: 'smal',
      vm_extensions: '[x]',
      persistent_disk_type: 'bigg',
      networks: '[{name: lann}]',
    };
    expect(faults(lines)).toEqual([
      'azs.0 (11) 140018',
      'vm_type (12) 140004',
      'vm_extensions.0 (14) -',
      'persistent_disk_type (15) 140012',
      'networks.0.name (13) 150001',
    ]);
    expect(messageAt('instance_groups.0.networks.0.name', () => check(lines))).toBe(
      'the cloud config has no network "lann" (did you mean "lan"?)',
    );
    expect(messageAt('instance_groups.0.vm_type', () => check({ vm_type: 'gigantic' }))).toMatch(
      /^the cloud config has no VM type "gigantic" \(there (is only|are) .*small/,
    );
    expect(faults({ persistent_disks: '[{name: a, type: nope}]' })).toEqual(['persistent_disks.0.type (14) 140012']);
  });

  test('is where its networks are', () => {
    expect(faults({ networks: '[{name: cloud}]' })).toEqual(['networks.0 (13) 150006']);
    expect(() => check({ azs: '[z1, z2]' })).not.toThrow();
  });

  test.each([
    ['[10.9.9.9]', 150002],
    ['[10.0.2.5]', 150007],
    ['[10.0.1.2]', 130013],
    ['[10.0.1.77]', 130009],
  ])('has no use for the static address %s', (ips, code) => {
    expect(faults(onLan(ips))).toEqual([`networks.0.static_ips (13) ${code}`]);
  });

  test('lists addresses where the network takes them, and only there', () => {
    const second = (network: string) => ({ networks: `[{name: lan, default: [dns, gateway]}, ${network}]` });
    expect(faults(second('{name: own}'))).toEqual(['networks.1 (13) 130014']);
    expect(faults(second('{name: pool, static_ips: [1.2.3.4]}'))).toEqual(['networks.1.static_ips (13) 130014']);
    expect(faults(second('{name: own, static_ips: [1.1.1.1], default: [addressable]}'))).toEqual([
      'networks.1 (13) 130007',
    ]);
    expect(faults(second('{name: cloud, static_ips: [1.1.1.1]}'))).toEqual([
      'networks.1 (13) 150006',
      'networks.1.static_ips (13) 150008',
    ]);
  });
});
