import { describe, expect, test } from 'vitest';
import type { ManifestOptions } from '../../../../manifests/options.ts';
import { parseDeploymentManifest } from '../../../../manifests/parse/deployment-manifest.ts';
import { documentOf, readYaml } from '../../../../manifests/yaml.ts';
import { faultsOf, messageAt } from '../faults-of.ts';

const head = `
name: shop
releases:
- {name: web, version: 1.10}
stemcells:
- {alias: default, os: ubuntu-jammy, version: latest}
update:
  canaries: 1
  max_in_flight: 20%
  canary_watch_time: 1000-30000
  update_watch_time: 30000
`;

const group = (extra = '', without: string[] = []) => {
  const lines = {
    instances: 'instances: 2',
    jobs: 'jobs: [{name: nginx, release: web}]',
    stemcell: 'stemcell: default',
    vm_type: 'vm_type: small',
    networks: 'networks: [{name: default}]',
  };
  const kept = Object.entries(lines).filter(([key]) => !without.includes(key));
  return `${head}instance_groups:\n- name: front\n${kept.map(([, line]) => `  ${line}`).join('\n')}\n${extra.replace(/^/gm, '  ')}\n`;
};

const parse = (text: string, options?: ManifestOptions) => parseDeploymentManifest(readYaml(text), options);
const frontOf = (text: string, options?: ManifestOptions) => {
  const [front] = parse(text, options).value.instanceGroups;
  if (front === undefined) throw new Error('no instance group');
  return front;
};
/** Faults of a manifest whose one instance group has these lines. */
const faults = (extra: string, without: string[] = []) =>
  faultsOf(() => parse(group(extra, without))).map((fault) =>
    fault.replace(/^instance_groups\.0\.?/, '').replace(/\(\d+\) /, ''),
  );

describe('a manifest', () => {
  test('is read with its defaults filled in', () => {
    const { value, warnings } = parse(group());
    expect(warnings).toEqual([]);
    expect(value).toMatchObject({
      name: 'shop',
      releases: [{ name: 'web', version: '1.10', exportedFrom: [], url: null }],
      stemcells: [{ alias: 'default', os: 'ubuntu-jammy', name: null, version: 'latest' }],
      update: {
        canaries: { kind: 'count', n: 1 },
        maxInFlight: { kind: 'percent', percent: 20 },
        canaryWatchMs: { min: 1_000, max: 30_000 },
        updateWatchMs: { min: 30_000, max: 30_000 },
        serial: true,
        vmStrategy: 'delete-create',
        initialDeployAzUpdateStrategy: 'serial',
      },
      features: { useDnsAddresses: null, useLinkDnsNames: false, convergeVariables: false },
      addons: [],
      tags: {},
    });
    expect(value.instanceGroups[0]).toMatchObject({
      name: 'front',
      lifecycle: 'service',
      azs: null,
      instances: 2,
      vm: { kind: 'type', vmType: 'small' },
      persistentDisk: { kind: 'none' },
      networks: [{ name: 'default', staticIps: null, defaultFor: ['dns', 'gateway'], nicGroup: null }],
      migratedFrom: [],
      state: null,
      env: {},
    });
  });

  test.each([
    ['vm_types: []', 'vm_types', 190014],
    ['azs: []', 'azs', 190014],
    ['networks: []', 'networks', 140026],
    ['disk_pools: []', 'disk_pools', 140027],
    ['jobs: []', 'jobs', 140023],
    ['resource_pools: []', 'resource_pools', 140028],
    ['release: {name: a, version: 1}', 'release', 190001],
    ['addons: [{name: a, include: {deployments: [x]}}]', 'addons.0.include.deployments', 530006],
    ['addons: [{name: a, jobs: [{name: j, release: nope}]}]', 'addons.0.jobs.0.release', 530002],
    ['addons: [{name: a, include: {jobs: [{name: j}]}}]', 'addons.0.include.jobs.0', 530004],
    ['addons: [{name: a, exclude: {stemcell: [{}]}}]', 'addons.0.exclude.stemcell.0', 530005],
    ['variables: [{name: a}]', 'variables.0', 560000],
    ['variables: [{name: " ", type: password}]', 'variables.0.name', 560000],
    ['variables: [{name: a, type: x}, {name: a, type: x}]', 'variables.1.name', 560000],
    ['variables: [{name: a, type: x, options: []}]', 'variables.0.options', 560000],
    ['variables: [{name: a, type: x, update_mode: 1}]', 'variables.0.update_mode', 560000],
    ['features: {use_dns_addresses: "yes"}', 'features.use_dns_addresses', 560001],
    ['features: {use_link_dns_names: true, use_dns_addresses: false}', 'features.use_dns_addresses', 210001],
    ['tags: {a: [1]}', 'tags.a', 40000],
  ])('refuses %s', (line, path, code) => {
    expect(faultsOf(() => parse(`${group()}${line}\n`))).toEqual([`${path} (20) ${code}`]);
  });

  test('tells everything that is missing from an empty one', () => {
    expect(faultsOf(() => parse('{}'))).toEqual([
      ' (1) 40001',
      ' (1) 190019',
      ' (1) 40001',
      'update (1) 40001',
      'update (1) 40001',
      'update (1) 40001',
      'update (1) 40001',
      ' (1) 40001',
    ]);
  });

  test('keeps the code of its first fault for clients that know one alone', () => {
    try {
      parse(group('').replace('update:', 'azs: []\nupdated:'));
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'manifest-invalid', details: { boshCode: 190014 } });
    }
  });

  test('says what a mistyped key was meant to be', () => {
    expect(messageAt('', () => parse(group().replace('name:', 'nmae:')))).toBe(
      '"name" is missing (is "nmae" meant to be "name"?)',
    );
    expect(messageAt('', () => parse(group().replace('update:', 'updates:')))).toBe(
      '"update" is missing (a map) (is "updates" meant to be "update"?)',
    );
  });

  test('warns of keys that BOSH passes over, with their lines', () => {
    const { warnings } = parse(group('instence_states: {}').replace('name: shop', 'name: shop\nfeature: {}'));
    expect(warnings).toEqual([
      {
        path: 'feature',
        line: 3,
        message: expect.stringContaining('ignored') as string,
        suggestion: 'did you mean "features"?',
      },
      {
        path: 'instance_groups.0.instence_states',
        line: 20,
        message: '"instence_states" means nothing here and is ignored',
        suggestion: 'did you mean "instance_states"?',
      },
    ]);
  });

  test('may come without a text, and then its faults have no lines', () => {
    expect(faultsOf(() => parseDeploymentManifest(documentOf({ name: 'a b' })))).toContain('name (-) 40005');
  });

  test('takes a number for a text, and nothing else for anything', () => {
    expect(parse(head.replace('1.10', '3')).value.releases[0]?.version).toBe('3');
    expect(faultsOf(() => parse(head.replace('1.10', 'true')))).toEqual(['releases.0.version (4) 40000']);
    expect(faultsOf(() => parse(head.replace('1.10', '~')))).toEqual(['releases.0.version (4) 40000']);
  });

  test('names a release or a stemcell alias once', () => {
    const twice = head.replace(
      'stemcells:',
      '- {name: web, version: 2}\nstemcells:\n- {alias: default, name: x, version: 1}',
    );
    expect(faultsOf(() => parse(twice))).toEqual(['releases.1.name (5) 190002', 'stemcells.1.alias (8) 50005']);
  });

  test('may say that links make DNS names, which switches two more things on', () => {
    const { features } = parse(`${head}features: {use_link_dns_names: true}`).value;
    expect(features).toMatchObject({ useLinkDnsNames: true, useDnsAddresses: true, useShortDnsAddresses: true });
  });

  test('of 350 kB is checked in well under half a second', () => {
    const groups = Array.from({ length: 2_000 }, (_, i) =>
      group('env: {bosh: {password: "((pw))"}}', []).split('instance_groups:\n')[1]?.replace('front', `front-${i}`),
    );
    const text = `${head}instance_groups:\n${groups.join('')}`;
    expect(text.length).toBeGreaterThan(300_000);
    const before = process.cpuUsage();
    expect(parse(text).value.instanceGroups).toHaveLength(2_000);
    const { user, system } = process.cpuUsage(before); // not the clock: others use the machine too
    expect((user + system) / 1_000).toBeLessThan(1_500); // a third of it, once warm
  });
});

describe('an instance group', () => {
  test.each([
    ['lifecycle: forever', 'lifecycle 140011'],
    ['azs: []', 'azs 140017'],
    ['azs: [{}]', 'azs.0 140016'],
    ['template: x', 'template 140024'],
    ['templates: []', 'templates 140024'],
    ['persistent_disk_pool: x', 'persistent_disk_pool 140027'],
    ['vm_resources: {cpu: 1, ram: 2, ephemeral_disk_size: 3}', 'vm_resources 140022'],
    ['persistent_disk: -1', 'persistent_disk 140013'],
    ['{persistent_disk: 1, persistent_disk_type: x}', 'persistent_disk_type 140013'],
    ['persistent_disks: [{name: a, type: x}, {name: a, type: x}]', 'persistent_disks.1.name 140013'],
    ['persistent_disks: [{name: "", type: x}]', 'persistent_disks.0.name 140013'],
    ['migrated_from: [{name: old, az: z1}]', 'migrated_from.0.az 190018'],
    ['state: sleeping', 'state 140008'],
    ['instance_states: {0: sleeping}', 'instance_states.0 140007'],
    ['update: {canary_watch_time: 9-1}', 'update.canary_watch_time 180001'],
    ['update: {update_watch_time: soon}', 'update.update_watch_time 180001'],
    ['update: {canaries: some}', 'update.canaries 40005'],
    ['update: {serial: "no"}', 'update.serial 40000'],
    ['update: {vm_strategy: swap}', 'update.vm_strategy 40005'],
    ['env: 1', 'env 40000'],
  ])('refuses %s', (line, fault) => {
    const lines = line.startsWith('{') ? line.slice(1, -1).replace(', ', '\n') : line;
    expect(faults(lines)).toEqual([fault]);
  });

  test('needs instances, jobs, a stemcell, a VM and networks', () => {
    expect(faults('', ['instances', 'jobs', 'stemcell', 'vm_type', 'networks'])).toEqual([
      ' 40001',
      ' 40001',
      ' 40001',
      ' 140022',
      ' 40001',
    ]);
  });

  test('needs a release and a stemcell that the manifest has', () => {
    expect(faults('stemcell: defualt', ['stemcell'])).toEqual(['stemcell 140005']);
    expect(faults('jobs: [{name: a, release: wep}, {name: a, release: web}]', ['jobs'])).toEqual([
      'jobs.0.release 140002',
      'jobs.1.name 140010',
    ]);
  });

  test('can share its name with no other, not even in DNS', () => {
    const two = `${group()}- name: FRONT\n  instances: 0\n  jobs: []\n  stemcell: default\n  vm_type: a\n  networks: [{name: b}]\n`;
    expect(faultsOf(() => parse(two))).toEqual(['instance_groups.1.name (20) 190006']);
  });

  test('has a size in MiB, a type or named disks; none is none', () => {
    expect(frontOf(group('persistent_disk: 0')).persistentDisk).toEqual({ kind: 'none' });
    expect(frontOf(group('persistent_disk: 512')).persistentDisk).toEqual({ kind: 'size', sizeMib: 512 });
    expect(frontOf(group('persistent_disk_type: big')).persistentDisk).toEqual({ kind: 'type', diskType: 'big' });
    expect(frontOf(group('persistent_disks: [{name: a, type: big}]')).persistentDisk).toEqual({
      kind: 'named',
      disks: [{ name: 'a', diskType: 'big' }],
    });
  });

  test("inherits the deployment's update key by key, and the command line wins over both", () => {
    const text = group('update: {max_in_flight: 3, serial: false}');
    expect(frontOf(text).update).toMatchObject({
      canaries: { kind: 'count', n: 1 },
      maxInFlight: { kind: 'count', n: 3 },
      serial: false,
      canaryWatchMs: { min: 1_000, max: 30_000 },
    });
    expect(frontOf(text, { canaries: '50%', maxInFlight: '9' }).update).toMatchObject({
      canaries: { kind: 'percent', percent: 50 },
      maxInFlight: { kind: 'count', n: 9 },
    });
  });

  test('takes the states that a stop asks for over its own', () => {
    const text = group('state: started\ninstance_states: {0: stopped}');
    expect(frontOf(text).instanceStates).toEqual(new Map([['0', 'stopped']]));
    const { state, instanceStates } = frontOf(text, {
      states: { front: { state: 'detached', instanceStates: { 1: 'recreate' } }, '*': { state: 'restart' } },
    });
    expect(state).toBe('detached');
    expect(instanceStates).toEqual(
      new Map([
        ['0', 'stopped'],
        ['1', 'recreate'],
      ]),
    );
    expect(frontOf(text, { states: { '*': { state: 'restart' } } }).state).toBe('restart');
  });
});

describe('the networks of an instance group', () => {
  const networks = (text: string) => frontOf(group(`networks: ${text}`, ['networks'])).networks;
  const bad = (text: string) => faults(`networks: ${text}`, ['networks']);

  test('have static addresses written out, in order', () => {
    expect(networks('[{name: a, static_ips: [10.0.0.9, 10.0.0.4]}]')[0]?.staticIps).toEqual(['10.0.0.9', '10.0.0.4']);
    expect(networks('[{name: a, static_ips: 10.0.0.4/31}]')[0]?.staticIps).toEqual(['10.0.0.4', '10.0.0.5']);
    expect(networks('[{name: a, static_ips: [10.0.0.4 - 10.0.0.5]}]')[0]?.staticIps).toHaveLength(2);
  });

  test('have as many static addresses as instances, each once', () => {
    expect(bad('[{name: a, static_ips: [10.0.0.0/8]}]')).toEqual(['networks.0.static_ips 150002']);
    expect(bad('[{name: a, static_ips: [10.0.0.1, 10.0.0.1]}]')).toEqual(['networks.0.static_ips 150009']);
    expect(bad('[{name: a, static_ips: [web, 10.0.0.1, 10.0.0.2]}]')).toEqual(['networks.0.static_ips.0 160010']);
  });

  test('choose among them the default for DNS and gateway', () => {
    expect(bad('[]')).toEqual(['networks 140009']);
    expect(bad('[{name: a}, {name: b}]')).toEqual(['networks 150005']);
    expect(bad('[{name: a, default: [dns, gateway]}, {name: b, default: [dns]}]')).toEqual(['networks 150004']);
    expect(bad('[{name: a, default: [dns, gatewya]}]')).toEqual(['networks.0.default.1 150003']);
    expect(
      networks('[{name: a, default: [dns, gateway]}, {name: b, default: [addressable], nic_group: 1}]'),
    ).toMatchObject([
      { defaultFor: ['dns', 'gateway'], nicGroup: null },
      { defaultFor: ['addressable'], nicGroup: 1 },
    ]);
  });
});

describe('a job', () => {
  const jobOf = (text: string, before = '') => {
    const [job] = frontOf(group(`jobs: [${text}]`, ['jobs']).replace('name: shop', `name: shop\n${before}`)).jobs;
    if (job === undefined) throw new Error('no job');
    return job;
  };
  const bad = (text: string) => faults(`jobs: [{name: nginx, release: web, ${text}}]`, ['jobs']);

  test("has its own properties, or the group's over the deployment's", () => {
    const before = 'properties: {a: {b: 1, c: 2}, d: [1]}';
    const own = jobOf('{name: n, release: web, properties: {a: {c: 3}}}', before);
    expect(own.properties).toEqual({ a: { c: 3 } });
    const text = group('properties: {a: {c: 3}, d: []}').replace('name: shop', `name: shop\n${before}`);
    expect(frontOf(text).jobs[0]?.properties).toEqual({ a: { b: 1, c: 3 }, d: [] });
    expect(parse(text).warnings.map(({ path }) => path)).toEqual(['properties', 'instance_groups.0.properties']);
  });

  test('provides, blocks and consumes links', () => {
    const job = jobOf(`{name: n, release: web,
      provides: {http: {as: front, shared: true, aliases: [{domain: a.b}]}, admin: nil},
      consumes: {db: {from: pg, deployment: data, ip_addresses: false}, cache: nil, old: {instances: [{address: 1.2.3.4}], properties: {a: 1}}},
      custom_provider_definitions: [{name: mine, type: address, properties: [a.b]}]}`);
    expect(Object.fromEntries(job.provides)).toMatchObject({
      http: { kind: 'provided', as: 'front', shared: true, aliases: [{ domain: 'a.b', healthFilter: null }] },
      admin: { kind: 'blocked' },
    });
    expect(Object.fromEntries(job.consumes)).toEqual({
      db: { kind: 'from', from: 'pg', deployment: 'data', network: null, ipAddresses: false },
      cache: { kind: 'blocked' },
      old: { kind: 'manual', instances: [{ address: '1.2.3.4' }], properties: { a: 1 }, address: null },
    });
    expect(job.customProviders).toEqual([{ name: 'mine', type: 'address', properties: ['a.b'] }]);
  });

  test.each([
    ['provides: {http: other}', 'jobs.0.provides.http -'],
    ['provides: {http: {type: address}}', 'jobs.0.provides.http.type -'],
    ['consumes: {db: {from: a, instances: []}}', 'jobs.0.consumes.db.instances -'],
    ['consumes: {db: {properties: {}}}', 'jobs.0.consumes.db.properties -'],
    ['consumes: {db: {name: x}}', 'jobs.0.consumes.db.name -'],
    ['consumes: {db: {ip_addresses: maybe}}', 'jobs.0.consumes.db.ip_addresses 40000'],
    ['custom_provider_definitions: [{name: a, type: ""}]', 'jobs.0.custom_provider_definitions.0.type -'],
    [
      'custom_provider_definitions: [{name: a, type: t}, {name: a, type: t}]',
      'jobs.0.custom_provider_definitions.1.name -',
    ],
  ])('refuses %s', (text, fault) => {
    expect(bad(text)).toEqual([fault]);
  });
});

describe('a variable', () => {
  const variableOf = (text: string) => parse(`${head}variables: [${text}]`).value.variables[0];

  test('has a strategy, and links when it is a certificate', () => {
    expect(
      variableOf(
        '{name: /a, type: certificate, consumes: {alternative_name: {from: web, properties: {wildcard: true}}}}',
      ),
    ).toEqual({
      name: '/a',
      type: 'certificate',
      options: {},
      consumes: [{ name: 'alternative_name', from: 'web', deployment: null, linkType: 'address', wildcard: true }],
      updateMode: null,
      updateStrategy: 'on-deploy',
    });
    expect(variableOf('{name: a, type: password, update: {strategy: on-stemcell-change}}')?.updateStrategy).toBe(
      'on-stemcell-change',
    );
    expect(faultsOf(() => variableOf('{name: a, type: password, consumes: {common_name: {}}}'))).toHaveLength(1);
    expect(faultsOf(() => variableOf('{name: a, type: certificate, consumes: {name: {}}}'))).toHaveLength(1);
  });
});
