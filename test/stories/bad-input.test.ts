import { afterEach, beforeEach, expect, test } from 'vitest';
import { cloudConfigOf, givenDirector, webTier } from '../support/given-director.ts';

// What an operator reads when something is wrong, and that a wrong deploy changes nothing.

let director: Awaited<ReturnType<typeof givenDirector>>;
beforeEach(async () => {
  director = await givenDirector();
  await director.uploadStemcell();
  await director.cloudConfig(cloudConfigOf());
});
afterEach(async () => {
  expect(director.cpi.inventory().vms).toEqual([]);
  await director.close();
});

/** The message of a deploy that fails, whole. */
const refusal = async (manifest: string) => {
  const task = await director.deploy(manifest);
  expect(task.state).toBe('error');
  const { message } = JSON.parse(/"error":(\{.*\})\}\s*$/.exec(task.events)?.[1] ?? '{}') as { message: string }; // our own event
  return message;
};
const change = (from: string, to: string, text = webTier()) => {
  expect(text).toContain(from);
  return text.replace(from, to);
};

test('names that are misspelled are told all at once, each with its place and what may be meant', async () => {
  await director.upload();
  let text = change('releases: [{name: web,', 'releases: [{name: weeb, version: 1}, {name: web,');
  text = change('os: tiny-os', 'os: tiny-oss', text);
  text = change('azs: [z1, z2]', 'azs: [z1, zz2]', text);
  text = change('vm_type: small', 'vm_type: smal', text);
  text = change('networks: [{name: default}]', 'networks: [{name: defualt}]\n  persistent_disk_type: dsk', text);
  text = change('jobs: [{name: web,', 'jobs: [{name: wep,', text);
  expect(await refusal(text)).toMatchInlineSnapshot(`
    "deployment "web": 7 faults
    - instance_groups.0.azs.1: the cloud config has no AZ "zz2" (did you mean "z2"?)
    - instance_groups.0.vm_type: the cloud config has no VM type "smal" (did you mean "small"?)
    - instance_groups.0.persistent_disk_type: the cloud config has no disk type "dsk" (did you mean "disk"?)
    - instance_groups.0.networks.0.name: the cloud config has no network "defualt" (did you mean "default"?)
    - stemcells.0: there is no stemcell with operating system "tiny-oss" (did you mean "tiny-os"?)
    - releases.0.name: Release 'weeb' doesn't exist (did you mean "web"?)
    - instance_groups.0.jobs.0.name: release "web/1" has no job "wep" (did you mean "web"?)
    Upload stemcells with \`bosh upload-stemcell\`; \`bosh stemcells\` lists what is there.
    Upload releases with \`bosh upload-release\`; \`bosh releases\` lists what is there.
    \`bosh inspect-release NAME/VERSION\` lists the jobs of a release."
  `);
});

test('a manifest that contradicts itself is checked against everything else all the same', async () => {
  await director.upload();
  let text = change('jobs: [{name: web, release: web,', 'jobs: [{name: web, release: weeb,');
  text = change('instances: 3', 'instances: three', text);
  text = change('azs: [z1, z2]', 'azs: [z1, zz2]', text);
  text = change('vm_type: small', 'vm_type: smal', text);
  text = change('networks: [{name: default}]', 'networks: [{name: defualt}]', text);
  text = change('os: tiny-os', 'os: tiny-oss', text);
  text = change('version: "1"}]', 'version: "9"}]', text);
  expect(await refusal(text)).toMatchInlineSnapshot(`
    "deployment "web": 7 faults
    - instance_groups.0.instances: it must be a whole number, but it is "three"
    - instance_groups.0.jobs.0.release: the manifest's "releases" have no "weeb" (did you mean "web"?)
    - instance_groups.0.azs.1: the cloud config has no AZ "zz2" (did you mean "z2"?)
    - instance_groups.0.vm_type: the cloud config has no VM type "smal" (did you mean "small"?)
    - instance_groups.0.networks.0.name: the cloud config has no network "defualt" (did you mean "default"?)
    - stemcells.0: there is no stemcell with operating system "tiny-oss" (did you mean "tiny-os"?)
    - releases.0.version: Release version 'web/9' doesn't exist; there are 1
    Upload stemcells with \`bosh upload-stemcell\`; \`bosh stemcells\` lists what is there.
    Upload releases with \`bosh upload-release\`; \`bosh releases\` lists what is there."
  `);
});

test('what could not be read is told once, and not once more by each who looks for it', async () => {
  await director.upload();
  let text = change('azs: [z1, z2]', 'azs: z1');
  text = change('vm_type: small', 'vm_type: []', text);
  text = change('networks: [{name: default}]', 'networks: [{name: [], static_ips: [10.0.0.9]}]', text);
  text = change('version: "1"}]', 'version: []}]', text);
  text = change('os: tiny-os', 'os: {}', text);
  expect(await refusal(text)).toMatchInlineSnapshot(`
    "manifest "web": 6 faults
    - releases.0.version: it must be a text, but it is a list
    - stemcells.0.os: it must be a text, but it is a map
    - instance_groups.0.azs: it must be a list, but it is "z1"
    - instance_groups.0.vm_type: it must be a text, but it is a list
    - instance_groups.0.networks.0.name: it must be a text, but it is a list
    - instance_groups.0.networks.0.static_ips: there are 1 static IPs for 3 instances (give as many as "instances" says)"
  `);
});

test('a release that a runtime config wants in another version is told with all else', async () => {
  await director.upload();
  const content = 'releases: [{name: web, version: "2"}]';
  await director.store.configs.create({ type: 'runtime', name: 'default', content, team: null }, 0);
  const message = await refusal(change('vm_type: small', 'vm_type: smal'));
  expect(message).toContain('releases.0.version: release "web" is version 1 in the manifest and 2 in a runtime config');
  expect(message).toContain('the cloud config has no VM type "smal"');
});

test('without cloud config, stemcell and release, a first deploy is told of all three', async () => {
  const bare = await givenDirector();
  try {
    const { events } = await bare.deploy(webTier());
    for (const told of ['cloud config: there is none', 'stemcells.0: there is no', "Release 'web' doesn't exist"])
      expect(events).toContain(told);
  } finally {
    await bare.close();
  }
});

test('a manifest and a cloud config that are both wrong are told together', async () => {
  await director.upload();
  await director.cloudConfig(change('gateway: 10.0.0.1', 'gateway: 10.9.0.1', cloudConfigOf()));
  expect(await refusal(change('instances: 3', 'instances: three'))).toMatchInlineSnapshot(`
    "deployment "web": 2 faults
    - instance_groups.0.instances: it must be a whole number, but it is "three"
    - cloud config: networks.0.subnets.0.gateway: 10.9.0.1 is outside of 10.0.0.0/24"
  `);
});

test('without any cloud config, that is what is told, and how to have one', async () => {
  const bare = await givenDirector();
  try {
    await bare.uploadStemcell();
    await bare.upload();
    const task = await bare.deploy(webTier());
    expect(task).toMatchObject({ state: 'error' });
    expect(JSON.parse(task.events.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      error: {
        code: 40001,
        message:
          'cloud config: there is none, and it is what says which networks, AZs and VM types there are\n' +
          'Upload one with `bosh update-cloud-config FILE`, then deploy again.',
      },
    });
  } finally {
    await bare.close();
  }
});

test('a key that must be there and is misspelled is told by what it may be, and then its value, too', async () => {
  await director.upload();
  const typo = change('vm_type: small', 'vm_typ: smal');
  expect(await refusal(typo)).toContain(
    'instance_groups.0: it needs "vm_type" or "vm_resources" (is "vm_typ" meant to be "vm_type"?)',
  );
  expect(await refusal(change('vm_typ:', 'vm_type:', typo))).toContain(
    'instance_groups.0.vm_type: the cloud config has no VM type "smal" (did you mean "small"?)',
  );
});

test('what is ignored is told of a deploy that is refused, too, for it may be why', async () => {
  await director.upload();
  const ignored = change('vm_type: small', 'vm_type: smal\n  persistent_disk_typ: disk');
  const told = 'is ignored (did you mean \\"persistent_disk_type\\"?)';
  expect((await director.deploy(ignored)).events).toContain(told); // refused for the cloud config
  expect((await director.deploy(change('instances: 3', 'instances: three', ignored))).events).toContain(told); // by itself
});

test('what BOSH ignores is ignored with a warning: misspelled keys, and links that the job does not have', async () => {
  await director.upload();
  const text = change('properties: {port: 80}', 'propertys: {}, consumes: {databse: {from: db}}');
  const task = await director.deploy(text, { dryRun: true });
  expect(task.state).toBe('done');
  expect(task.events).toContain('\\"propertys\\" means nothing here and is ignored (did you mean \\"properties\\"?)');
  expect(task.events).toContain('job \\"web\\" consumes no link \\"databse\\", so this is ignored');
});

test('`latest` is the newest version that was uploaded whole', async () => {
  await director.upload();
  await director.store.releases.begin({ name: 'web', version: '2', commitHash: 'abc', uncommittedChanges: false });
  const dry = { dryRun: true };
  expect(await director.deploy(change('version: "1"}]', 'version: latest}]'), dry)).toMatchObject({ state: 'done' });
  expect(await refusal(change('version: "1"}]', 'version: "2"}]'))).toContain(
    "releases.0.version: Release version 'web/2' was not uploaded to its end; upload it again",
  );
});

test('properties that do not fit the schema of their job are told all at once, without their values', async () => {
  const propertiesSchema = JSON.stringify({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    properties: { port: { type: 'integer', maximum: 65535 } },
  });
  await director.upload({ propertiesSchema });
  expect(await director.deploy(webTier(), { dryRun: true })).toMatchObject({ state: 'done' });
  const message = await refusal(change('port: 80', 'port: s3cret', change('vm_type: small', 'vm_type: smal')));
  expect(message).toContain('instance_groups.0.jobs.0.properties.port: must be integer');
  expect(message).toContain('(did you mean "small"?)');
  expect(message).not.toContain('s3cret');
});

test('a schema that is no JSON is a fault of the release', async () => {
  await director.upload({ propertiesSchema: '{' });
  expect(await refusal(webTier())).toMatch(/instance_groups\.0\.jobs\.0\.properties_schema\.json: .*JSON/);
});

test('a manifest in which every value is of the wrong type: each is told once, with its place', async () => {
  const message = await refusal(`
name: web
releases: {a: b}
stemcells: [5, {alias: [], os: {}, version: {}}]
update: {canaries: x, max_in_flight: [], canary_watch_time: soon, update_watch_time: {}, serial: "no"}
instance_groups:
- name: [web]
  instances: 1.5
  azs: z1
  vm_type: []
  stemcell: {}
  persistent_disk_type: []
  networks: default
  lifecycle: sometimes
  migrated_from: x
  env: []
  jobs: [{name: {}, release: 5, properties: x, consumes: [], provides: 5}, 5]
- x
variables: {a: 1}
addons: 5
tags: [a]
features: {use_dns_addresses: "yes"}
`);
  const places = [...message.matchAll(/^- ([\w.]+): /gm)].map(([, place]) => place);
  expect(new Set(places).size).toBe(places.length);
  const group = ['name', 'instances', 'azs', 'vm_type', 'stemcell', 'persistent_disk_type', 'networks', 'lifecycle'];
  const job = ['0.name', '0.release', '0.properties', '0.consumes', '0.provides', '1'];
  expect(places).toEqual(
    expect.arrayContaining([
      'releases',
      'stemcells.0',
      'stemcells.1.alias',
      'stemcells.1.os',
      'stemcells.1.version',
      ...['canaries', 'max_in_flight', 'canary_watch_time', 'update_watch_time', 'serial'].map(
        (key) => `update.${key}`,
      ),
      ...[...group, 'migrated_from', 'env'].map((key) => `instance_groups.0.${key}`),
      ...job.map((path) => `instance_groups.0.jobs.${path}`),
      'instance_groups.1',
      'variables',
      'addons',
      'tags',
      'features.use_dns_addresses',
    ]),
  );
});
