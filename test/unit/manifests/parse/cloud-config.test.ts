import { describe, expect, test } from 'vitest';
import { formatIp } from '../../../../manifests/ip.ts';
import { parseCloudConfig } from '../../../../manifests/parse/cloud-config.ts';
import { readYaml } from '../../../../manifests/yaml.ts';
import { faultsOf, messageAt } from '../faults-of.ts';

const complete = `
azs:
- name: z1
  cpi: vsphere-1
  cloud_properties: {datacenters: [dc1]}
- name: z2
vm_types:
- name: small
  cloud_properties: {cpu: 1}
vm_extensions:
- name: public
disk_types:
- name: big
  disk_size: 10240
networks:
- name: default
  subnets:
  - range: 10.0.0.0/24
    gateway: 10.0.0.1
    dns: [10.0.0.2]
    azs: [z1, z2]
    reserved: [10.0.0.2 - 10.0.0.10]
    static: [10.0.0.20-10.0.0.29]
    cloud_properties: {name: lan}
- name: outside
  type: vip
- name: cloud
  type: dynamic
  dns: [8.8.8.8]
compilation:
  workers: 3
  network: default
  az: z1
  vm_type: small
  reuse_compilation_vms: true
`;

const parse = (...texts: string[]) => parseCloudConfig(texts.map((text) => readYaml(text)));

describe('a cloud config', () => {
  test('is read with its defaults filled in', () => {
    const { value, warnings } = parse(complete);
    expect(warnings).toEqual([]);
    expect([...value.azs.values()]).toEqual([
      { name: 'z1', cpi: 'vsphere-1', cloudProperties: { datacenters: ['dc1'] } },
      { name: 'z2', cpi: null, cloudProperties: {} },
    ]);
    expect(value.diskTypes.get('big')).toEqual({ name: 'big', sizeMib: 10_240, cloudProperties: {} });
    expect(value.compilation).toEqual({
      workers: 3,
      network: 'default',
      az: 'z1',
      reuseCompilationVms: true,
      orphanWorkers: false,
      vm: { kind: 'type', vmType: 'small' },
      vmExtensions: [],
      env: {},
    });
  });

  test('has manual networks with what may and may not be given out', () => {
    const network = parse(complete).value.networks.get('default');
    if (network?.type !== 'manual') throw new Error('not manual');
    const [subnet] = network.subnets;
    expect(subnet).toMatchObject({
      gateway: '10.0.0.1',
      netmask: '255.255.255.0',
      dns: ['10.0.0.2'],
      azs: ['z1', 'z2'],
      prefix: 32,
      range: { prefix: 24 },
    });
    const show = (n: bigint) => formatIp({ family: 4, n });
    const shown = subnet?.restricted.ranges().map(({ first, last }) => [show(first), show(last)]);
    expect(shown).toEqual([
      ['10.0.0.0', '10.0.0.10'],
      ['10.0.0.255', '10.0.0.255'],
    ]);
    expect(subnet?.statics.has('10.0.0.29')).toBe(true);
    expect(subnet?.statics.has('10.0.0.30')).toBe(false);
  });

  test("never gives out the director's own addresses", () => {
    const { value } = parseCloudConfig(readYaml(complete), { directorIps: ['10.0.0.77', 'fd00::1'] });
    const network = value.networks.get('default');
    if (network?.type !== 'manual') throw new Error('not manual');
    expect(network.subnets[0]?.restricted.has('10.0.0.77')).toBe(true);
    expect(network.subnets[0]?.restricted.has('fd00::1')).toBe(false);
  });

  test('may be several, which are one', () => {
    const { value } = parse(complete, 'vm_types: [{name: large}]\nazs: [{name: z3}]');
    expect([...value.vmTypes.keys()]).toEqual(['small', 'large']);
    expect([...value.azs.keys()]).toEqual(['z1', 'z2', 'z3']);
  });

  test('may be several, of which one alone compiles and names are unique among all', () => {
    expect(faultsOf(() => parse(complete, 'compilation: {}\nvm_types: [{name: small}]'))).toEqual([
      'vm_types.0.name (2) 190004',
      'compilation (1) 570000',
    ]);
  });

  test('warns of what BOSH ignores, with the name that was meant', () => {
    const { warnings } = parse(
      complete.replace('cpi: vsphere-1', 'cpi_name: vsphere-1').replace('disk_types', 'disk_typs'),
    );
    expect(warnings).toEqual([
      {
        path: 'disk_typs',
        line: 12,
        message: '"disk_typs" means nothing here and is ignored',
        suggestion: 'did you mean "disk_types"?',
      },
      { path: 'azs.0.cpi_name', line: 4, message: '"cpi_name" means nothing here and is ignored' },
    ]);
  });

  test('tells everything that is wrong with it at once', () => {
    const text = `
azs: [{name: z1}, {name: z1}, {}]
vm_types: [{name: small}, {name: small}]
vm_extensions: [{name: x}, {name: x}]
disk_types: [{name: d, disk_size: -1}, {name: d, disk_size: 1}, {name: e, disk_size: big}]
networks: []
compilation: {workers: 0, network: nowhere, vm_type: smal, vm_resources: {cpu: 1}, vm_extensions: [y]}
`;
    expect(faultsOf(() => parse(text))).toEqual([
      'azs.2 (2) 40001',
      'azs.1.name (2) 190017',
      'vm_types.1.name (3) 190004',
      'vm_extensions.1.name (4) 190005',
      'disk_types.0.disk_size (5) 200001',
      'disk_types.2.disk_size (5) 40000',
      'disk_types.1.name (5) 190013',
      'networks (6) 190008',
      'compilation (7) 120007',
      'compilation.vm_type (7) 120003',
      'compilation.workers (7) 40002',
      'compilation.vm_extensions (7) 120005',
      'compilation.network (7) 120001',
    ]);
    expect(messageAt('compilation.vm_type', () => parse(text))).toBe(
      'there is no VM type "smal" (did you mean "small"?)',
    );
  });

  test('that is empty, or a list, says so and no more', () => {
    expect(faultsOf(() => parse(''))[0]).toBe(' (1) 440001');
    expect(faultsOf(() => parse('[1]'))[0]).toBe(' (1) 440001');
    expect(faultsOf(() => parse())[0]).toBe(' (-) 440001');
  });
});

describe('a manual network', () => {
  const network = (subnets: string) => `
azs: [{name: z1}, {name: z2}]
networks:
- name: default
  subnets:
${subnets}
compilation: {workers: 1, network: default, az: z1}
`;
  const codes = (subnets: string) => faultsOf(() => parse(network(subnets)));

  test.each([
    ['a range of one address', '{range: 10.0.0.0/32, gateway: 10.0.0.1, az: z1}', 'range', 160002],
    ['a range that is none', '{range: 10.0.0.0-24, gateway: 10.0.0.1, az: z1}', 'range', 160002],
    ['a gateway outside', '{range: 10.0.0.0/24, gateway: 10.0.1.1, az: z1}', 'gateway', 160003],
    ['a gateway that is the network', '{range: 10.0.0.0/24, gateway: 10.0.0.0, az: z1}', 'gateway', 160003],
    ['a gateway that is the broadcast address', '{range: 10.0.0.0/24, gateway: 10.0.0.255, az: z1}', 'gateway', 160003],
    ['a gateway that is a network', '{range: 10.0.0.0/24, gateway: 10.0.0.4/30, az: z1}', 'gateway', 160003],
    ['name servers in blocks', '{range: 10.0.0.0/24, gateway: 10.0.0.1, dns: [10.0.0.0/30], az: z1}', 'dns.0', 160004],
    [
      'reserved addresses outside',
      '{range: 10.0.0.0/24, gateway: 10.0.0.1, reserved: 10.0.0.9-10.0.1.9, az: z1}',
      'reserved',
      160005,
    ],
    [
      'static addresses outside',
      '{range: 10.0.0.0/24, gateway: 10.0.0.1, static: [10.1.0.1], az: z1}',
      'static',
      160006,
    ],
    [
      'a static address that is reserved',
      '{range: 10.0.0.0/24, gateway: 10.0.0.1, static: [10.0.0.1], az: z1}',
      'static',
      160006,
    ],
    ['text for addresses', '{range: 10.0.0.0/24, gateway: 10.0.0.1, static: [web], az: z1}', 'static.0', 160010],
    ['an unknown AZ', '{range: 10.0.0.0/24, gateway: 10.0.0.1, azs: [z1, z9]}', 'azs.1', 160007],
    ['az and azs', '{range: 10.0.0.0/24, gateway: 10.0.0.1, az: z1, azs: [z1]}', 'azs', 160008],
    ['no AZ at all in azs', '{range: 10.0.0.0/24, gateway: 10.0.0.1, azs: []}', 'azs', 160008],
    ['blocks larger than itself', '{range: 10.0.0.0/24, gateway: 10.0.0.1, prefix: 16, az: z1}', 'prefix', 16013],
  ])('refuses %s', (_, subnet, path, code) => {
    expect(codes(`  - ${subnet}`)[0]).toBe(`networks.0.subnets.0.${path} (6) ${code}`);
  });

  test('refuses subnets that overlap, differ in prefix, or name AZs only here and there', () => {
    const two =
      '  - {range: 10.0.0.0/24, gateway: 10.0.0.1, az: z1}\n  - {range: 10.0.0.128/25, gateway: 10.0.0.129, prefix: 28}';
    expect(codes(two)).toEqual([
      'networks.0.subnets.1.range (7) 160001',
      'networks.0.subnets.1.prefix (7) 16014',
      'networks.0.subnets (5) 140016',
    ]);
  });

  test('needs a gateway, unless the director is told to do without', () => {
    const text = network('  - {range: 10.0.0.0/24, az: z1}');
    expect(faultsOf(() => parse(text))).toEqual(['networks.0.subnets.0 (6) 40001']);
    expect(() => parseCloudConfig(readYaml(text), { ignoreMissingGateway: true })).not.toThrow();
  });

  test('takes a static range that is reserved in part, as BOSH does, and warns', () => {
    const text = network('  - {range: 10.0.0.0/24, gateway: 10.0.0.1, static: [10.0.0.0/28], az: z1}');
    expect(parse(text).warnings.map(({ path }) => path)).toEqual(['networks.0.subnets.0.static']);
  });

  test('of IPv6 costs nothing, however large', () => {
    const text = network('  - {range: "fd00::/32", gateway: "fd00::1", static: ["fd00:0:1::/48"], az: z1}');
    const found = parse(text).value.networks.get('default');
    expect(found).toMatchObject({ prefix: 128, subnets: [{ netmask: 'ffff:ffff:0000:0000:0000:0000:0000:0000' }] });
  });
});

describe('other networks', () => {
  const codes = (networks: string) =>
    faultsOf(() => parse(`networks:\n${networks}\nazs: [{name: z1}]\ncompilation: {workers: 1, network: n}`));

  test('dynamic ones put AZs, name servers and properties where BOSH looks for them', () => {
    expect(codes('- {name: n, type: dynamic, az: z1, prefix: 24}')).toEqual([
      'networks.0.az (2) 160008',
      'networks.0.prefix (2) 160008',
    ]);
    expect(codes('- {name: n, type: dynamic, dns: [], cloud_properties: {}, subnets: [{prefix: 24}]}')).toEqual([
      'networks.0.dns (2) 160008',
      'networks.0.cloud_properties (2) 160008',
      'networks.0.subnets.0.prefix (2) 160008',
    ]);
  });

  test('vip ones list addresses', () => {
    expect(codes('- {name: n, type: vip, subnets: [{static: 1.2.3.4}]}')[0]).toBe(
      'networks.0.subnets.0.static (2) 40000',
    );
  });

  test('names may not become one in DNS, nor be none there, and types are three', () => {
    expect(codes('- {name: n, type: dynamic}\n- {name: N, type: vip}\n- {name: _x, type: bridged}')).toEqual([
      'networks.2.name (4) 420001',
      'networks.2.type (4) 190010',
      'networks.2 (4) 40001',
      'networks.1.name (3) 190007',
    ]);
  });
});

test('compilation must be where its network is', () => {
  const inAz = (compilation: string) =>
    complete.replace(/compilation:[^]*/, `compilation: {workers: 1, vm_type: small, ${compilation}}`);
  expect(messageAt('compilation', () => parse(inAz('network: default')))).toBe(
    'the subnets of network "default" are in AZs, and compilation names none',
  );
  expect(faultsOf(() => parse(inAz('network: cloud, az: z1')))).toEqual(['compilation.az (30) 150006']);
  expect(faultsOf(() => parse(inAz('network: cloud, az: z9')))).toEqual(['compilation.az (30) 120002']);
});
