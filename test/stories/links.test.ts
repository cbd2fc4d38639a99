import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { apiOf } from '../support/api-of.ts';
import { cloudConfigOf, givenDirector } from '../support/given-director.ts';
import { renderedFile, uploadJobs } from '../support/job-release.ts';

type Director = Awaited<ReturnType<typeof givenDirector>>;

const release = {
  name: 'app',
  jobs: {
    db: {
      properties: { port: { default: 5432 }, user: { default: 'root' }, hidden: { default: 'x' } },
      provides: [{ name: 'db', type: 'sql', properties: ['port', 'user'] }],
      templates: { 'config/me.txt': '<%= spec.address %>' },
    },
    web: {
      consumes: [{ name: 'store', type: 'sql' }],
      templates: { 'config/store.json': '<%= link("store") %>' },
    },
    viewer: {
      consumes: [{ name: 'store', type: 'sql', optional: true }],
      templates: { 'config/at.txt': '<%= spec.index %>' },
    },
    formatter: {
      consumes: [{ name: 'disk', type: 'disk' }],
      templates: { 'config/disk.json': '<%= link("disk") %>' },
    },
    plain: {},
  },
};

interface GroupOf {
  instances?: number;
  networks?: string;
  more?: string;
}

const group = (
  name: string,
  jobs: string,
  { instances = 1, networks = '[{name: default}]', more = '' }: GroupOf = {},
) => `
- name: ${name}
  instances: ${instances}
  azs: [z1, z2]
  vm_type: small
  stemcell: default
  networks: ${networks}
  jobs: ${jobs}
${more}`;

const manifest = (name: string, groups: readonly string[], more = '') => `
name: ${name}
releases: [{name: app, version: "1"}]
stemcells: [{alias: default, os: tiny-os, version: "1"}]
update: {canaries: 1, max_in_flight: 10, canary_watch_time: 1-2, update_watch_time: 1-2}
${more}
instance_groups:${groups.join('')}
`;

const job = (name: string, more = '') => `{name: ${name}, release: app${more === '' ? '' : `, ${more}`}}`;
const shared = (instances: number, port = 5432) =>
  manifest('data', [
    group('db', `[${job('db', `properties: {port: ${port}}, provides: {db: {as: main, shared: true}}`)}]`, {
      instances,
    }),
  ]);
const consuming = (consumes: string) =>
  manifest('site', [group('web', `[${job('web', `consumes: {store: ${consumes}}`)}]`)]);

function never(): never {
  throw new Error('no instance');
}

describe('links', () => {
  let director: Director;
  beforeEach(async () => {
    director = await givenDirector();
    await director.uploadStemcell();
    await uploadJobs(director, release);
    await director.cloudConfig(cloudConfigOf());
  });
  afterEach(() => director.close());

  async function instancesOf(deployment: string, named: string) {
    return (await director.store.instances.ofDeployment(deployment)).filter((each) => each.group === named);
  }

  /** What the first instance of a group is told by a link. */
  async function told(deployment: string, named: string, path: string): Promise<Record<string, unknown>> {
    const [instance] = await instancesOf(deployment, named);
    if (instance === undefined) throw new Error(`no instance of ${deployment}/${named}`);
    return JSON.parse((await renderedFile(director, instance, path)) ?? 'null') as Record<string, unknown>;
  }

  async function deployed(text: string): Promise<void> {
    const { state, result } = await director.deploy(text);
    expect({ state, result }).toMatchObject({ state: 'done' });
  }

  async function refused(text: string): Promise<string> {
    const { state, events } = await director.deploy(text);
    expect(state).toBe('error');
    const { error } = JSON.parse(events.trimEnd().split('\n').at(-1) ?? '') as { error?: { message: string } };
    return error?.message ?? '';
  }

  test('a shared link tells another deployment what its provider was at its last deploy, until that is deployed again', async () => {
    await deployed(shared(2));
    await deployed(consuming('{from: main, deployment: data}'));
    const before = await told('site', 'web', 'web/config/store.json');
    const instances = await instancesOf('data', 'db');
    expect(before).toMatchObject({
      deployment_name: 'data',
      domain: 'bosh',
      default_network: 'default',
      instance_group: 'db',
      group_name: 'main-sql',
      properties: { port: 5432, user: 'root' },
      instances: instances.map(({ id, index, az, bootstrap, ips: [ip] }) => ({
        name: 'db',
        id,
        index,
        az,
        bootstrap,
        address: ip?.address,
      })),
    });

    // The provider grows; whoever was not deployed again goes on with what it was told.
    await deployed(shared(3, 6000));
    expect(await told('site', 'web', 'web/config/store.json')).toEqual(before);
    const [web] = await instancesOf('site', 'web');
    expect((await director.deploy(consuming('{from: main, deployment: data}'))).state).toBe('done');
    const after = await told('site', 'web', 'web/config/store.json');
    expect(after).toMatchObject({ properties: { port: 6000 } });
    expect(after['instances']).toHaveLength(3);
    expect((await instancesOf('site', 'web'))[0]?.id).toBe(web?.id); // the same machine, told anew

    // Nothing to do when nobody has changed anything.
    const again = await director.deploy(consuming('{from: main, deployment: data}'));
    expect(again.events).not.toContain('Updating instance');
  });

  test('what cannot be taken from another deployment is told at once, and a failed deploy of the provider takes nothing away', async () => {
    expect(await refused(consuming('{from: main, deployment: data}'))).toContain(
      "Link 'main' in job 'web' from instance group 'web' consumes from deployment 'data', but the deployment does not exist.",
    );
    const notShared = manifest('data', [group('db', `[${job('db', 'provides: {db: {as: main}}')}]`)]);
    await deployed(notShared);
    expect(await refused(consuming('{from: main, deployment: data}'))).toContain(
      "  - Failed to resolve link 'store' with alias 'main' and type 'sql' from job 'web' in instance group 'web'. Details below:\n    - No link providers found",
    );
    await deployed(shared(1));
    expect(await refused(consuming('{from: main, deployment: data, network: other}'))).toContain(
      "    - Link provider 'db' with alias 'main' from job 'db' in instance group 'db' in deployment 'data' does not belong to network 'other'",
    );
    await deployed(consuming('{from: main, deployment: data}'));

    const broken = shared(1).replace('azs: [z1, z2]', 'azs: [nowhere]');
    await refused(broken);
    await deployed(consuming('{from: main, deployment: data}'));
  });

  test('a link without a name takes the only one of its type; of several none, told with all that can not be resolved', async () => {
    const two = manifest('site', [
      group('first', `[${job('db')}]`),
      group('second', `[${job('db', 'provides: {db: {as: spare}}')}]`),
      group('web', `[${job('web')}]`),
      group('other', `[${job('web', 'consumes: {store: {from: nobody}}')}]`),
      group('third', `[${job('viewer', 'consumes: {store: {from: nobody}}')}]`),
    ]);
    expect(await refused(two)).toContain(
      [
        "Failed to resolve links from deployment 'site'. See errors below:",
        "  - Failed to resolve link 'store' with type 'sql' from job 'web' in instance group 'web'. Multiple link providers found:",
        "    - Link provider 'db' from job 'db' in instance group 'first' in deployment 'site'",
        "    - Link provider 'db' with alias 'spare' from job 'db' in instance group 'second' in deployment 'site'",
        "  - Failed to resolve link 'store' with alias 'nobody' and type 'sql' from job 'web' in instance group 'other'. Details below:",
        '    - No link providers found',
        "  - Failed to resolve link 'store' with alias 'nobody' and type 'sql' from job 'viewer' in instance group 'third'. Details below:",
        '    - No link providers found',
      ].join('\n'),
    );
    // Blocked ones are none.
    await deployed(
      manifest('site', [
        group('first', `[${job('db')}]`),
        group('second', `[${job('db', 'provides: {db: nil}')}]`),
        group('web', `[${job('web')}, ${job('viewer', 'consumes: {store: nil}')}]`),
      ]),
    );
    expect(await told('site', 'web', 'web/config/store.json')).toMatchObject({ instance_group: 'first' });
  });

  test('links that the manifest adds to a job, writes by hand, or takes from a disk', async () => {
    const custom = 'custom_provider_definitions: [{name: extra, type: sql, properties: [port]}], properties: {port: 1}';
    await deployed(
      manifest('site', [
        group('custom', `[${job('plain', custom)}]`),
        group('web', `[${job('web', 'consumes: {store: {from: extra}}')}]`),
        group(
          'hand',
          `[${job('web', 'consumes: {store: {instances: [{address: db.example.com}], properties: {port: 7}, address: lb.example.com}}')}]`,
        ),
        group('format', `[${job('formatter', 'consumes: {disk: {from: data}}')}]`, {
          more: '  persistent_disks: [{name: data, type: disk}]',
        }),
      ]),
    );
    expect(await told('site', 'web', 'web/config/store.json')).toMatchObject({ properties: { port: 1 } });
    expect(await told('site', 'hand', 'web/config/store.json')).toEqual({
      instances: [{ address: 'db.example.com' }],
      properties: { port: 7 },
      address: 'lb.example.com',
      deployment_name: 'site',
      group_name: 'store-sql',
    });
    expect(await told('site', 'format', 'formatter/config/disk.json')).toEqual({
      deployment_name: 'site',
      properties: { name: 'data' },
      instances: [],
      group_name: 'data-disk',
    });
    const twice = 'custom_provider_definitions: [{name: db, type: sql}]';
    expect(await refused(manifest('site', [group('db', `[${job('db', twice)}]`)]))).toContain(
      "Custom provider 'db' in job 'db' in instance group 'db' is already defined in release 'app'",
    );
    const unknown = 'custom_provider_definitions: [{name: more, type: sql, properties: [colour]}]';
    expect(await refused(manifest('site', [group('db', `[${job('db', unknown)}]`)]))).toContain(
      'Link property colour in template db is not defined in release spec',
    );
  });

  test('a restart of one instance keeps the links that it was deployed with', async () => {
    await deployed(shared(1));
    await deployed(consuming('{from: main, deployment: data}'));
    const before = await told('site', 'web', 'web/config/store.json');
    await deployed(shared(2, 6000));
    const [web] = await instancesOf('site', 'web');
    const task = await director.engine.enqueue({
      type: 'update_instance',
      description: 'recreate',
      lane: 'normal',
      args: {
        deployment: 'site',
        instanceId: web?.id,
        action: 'restart',
        hard: true,
        skipDrain: false,
        ignoreUnresponsiveAgent: false,
      },
      user: 'admin',
      deployment: null,
      contextId: '',
      teams: [],
    });
    expect((await director.ended(task)).state).toBe('done');
    expect(await told('site', 'web', 'web/config/store.json')).toEqual(before);
  });

  test('the API lists who provides and consumes what, with ids that stay, and forgets what a deploy took away', async () => {
    const api = await apiOf(director);
    const list = async (path: string) => (await api.ask('GET', path)).json as Array<Record<string, unknown>>;
    try {
      await deployed(shared(1));
      await deployed(consuming('{from: main, deployment: data}'));
      const [provider] = await list('/link_providers?deployment=data');
      expect(provider).toEqual({
        id: provider?.['id'],
        name: 'main',
        shared: true,
        deployment: 'data',
        link_provider_definition: { type: 'sql', name: 'db' },
        owner_object: { type: 'job', name: 'db', info: { instance_group: 'db' } },
      });
      const [consumer] = await list('/link_consumers?deployment=site');
      expect(consumer).toEqual({
        id: consumer?.['id'],
        name: 'main',
        optional: false,
        deployment: 'site',
        owner_object: { type: 'job', name: 'web', info: { instance_group: 'web' } },
        link_consumer_definition: { name: 'store', type: 'sql' },
      });
      const links = await list('/links?deployment=site');
      expect(links).toEqual([
        {
          id: links[0]?.['id'],
          name: 'store',
          link_consumer_id: consumer?.['id'],
          link_provider_id: provider?.['id'],
          created_at: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/),
        },
      ]);

      // The same again: the same link. Another content: another link, and the old one goes with the deploy's success.
      await deployed(consuming('{from: main, deployment: data}'));
      expect(await list('/links?deployment=site')).toEqual(links);
      await deployed(shared(2));
      await deployed(consuming('{from: main, deployment: data}'));
      const after = await list('/links?deployment=site');
      expect(after).toHaveLength(1);
      expect(after[0]?.['id']).not.toBe(links[0]?.['id']);
      expect((await list('/link_providers?deployment=data'))[0]?.['id']).toBe(provider?.['id']);

      // The provider goes; the link stays, for its consumer runs with it.
      await director.delete('data');
      expect(await list('/links?deployment=site')).toEqual([{ ...after[0], link_provider_id: null }]);
      await deployed(manifest('site', [group('web', `[${job('plain')}]`)]));
      expect(await list('/links?deployment=site')).toEqual([]);
      expect(await list('/link_consumers?deployment=site')).toEqual([]);

      expect(await api.ask('GET', '/links')).toEqual({
        status: 400,
        json: { code: 190024, description: expect.stringContaining('Deployment name is required') },
      });
      expect((await api.ask('GET', '/links?deployment=none')).status).toBe(404);
    } finally {
      await api.close();
    }
  });

  test('somebody outside asks for a shared link, and gets a name for it', async () => {
    const api = await apiOf(director);
    const about = (id: unknown, more: object = {}) => ({
      link_provider_id: id,
      link_consumer: { owner_object: { name: 'router', type: 'external' } },
      ...more,
    });
    const failure = async (method: string, path: string, body?: unknown) => {
      const { status, json } = await api.ask(method, path, body);
      const { code, description } = json as { code: number; description: string };
      return `${status} ${code} ${description.split('\n')[0]}`;
    };
    try {
      await deployed(shared(2));
      const { json: providers } = await api.ask('GET', '/link_providers?deployment=data');
      const id = (providers as Array<{ id: string }>)[0]?.id;
      const made = await api.ask('POST', '/links', about(id));
      const link = made.json as { id: string; name: string; link_provider_id: string };
      expect(made).toMatchObject({ status: 200, json: { name: 'db', link_provider_id: id } });
      expect((await api.ask('POST', '/links', about(id))).json).toEqual(made.json);

      const address = async (query: string) => (await api.ask('GET', `/link_address?link_id=${link.id}${query}`)).json;
      expect(await address('')).toEqual({ address: 'q-s0.db.default.data.bosh' });
      expect(await address('&azs[]=z1&azs[]=z2&status=healthy')).toEqual({ address: 'q-a1a2s3.db.default.data.bosh' });

      // It stays over deploys of its provider, and is told anew of another content.
      await deployed(shared(3));
      expect((await api.ask('GET', '/link_consumers?deployment=data')).json).toMatchObject([
        { name: 'main', owner_object: { type: 'external', name: 'router' } },
      ]);
      expect((await api.ask('POST', '/links', about(id))).json).not.toEqual(made.json);

      expect(await failure('POST', '/links', {})).toBe(
        '400 810001 Invalid request: `link_provider_id` must be provided',
      );
      expect(await failure('POST', '/links', about('77'))).toBe('400 810002 Invalid link_provider_id: 77');
      expect(await failure('POST', '/links', about(id, { network: 'far' }))).toContain(
        `400 810003 Can't resolve network: \`far\` in provider id: ${id} for \`router\``,
      );
      expect(await failure('GET', '/link_address?link_id=999')).toContain('404 810000');
      expect(await failure('GET', '/link_address')).toBe('400 810006 Link id is required');
      expect(await failure('GET', `/link_address?link_id=${link.id}&status=ill`)).toContain(
        '400 810007 status must be a one of: ["healthy", "unhealthy", "all", "default"]',
      );
      expect(await failure('GET', `/link_address?link_id=${link.id}&azs=z1`)).toContain('400 810008');
      expect(await failure('GET', `/link_address?link_id=${link.id}&azs[]=z9`)).toContain(
        '400 810008 az z9 is not valid',
      );

      expect((await api.ask('DELETE', `/links/${link.id}`)).status).toBe(204);
      expect(await failure('DELETE', `/links/${link.id}`)).toBe(`404 810000 Invalid link id: ${link.id}`);
      await deployed(consuming('{from: main, deployment: data}'));
      const [own] = (await api.ask('GET', '/links?deployment=site')).json as Array<{ id: string }>;
      expect(await failure('DELETE', `/links/${own?.id}`)).toContain('400 810005 Error deleting link: not a external');

      await deployed(shared(3).replace('shared: true', 'shared: false'));
      expect(await failure('POST', '/links', about(id))).toContain('403 810009 Provider not `shared`');
    } finally {
      await api.close();
    }
  });

  test('names instead of addresses: by feature, by the wish of a consumer, and always in dynamic networks', async () => {
    await director.cloudConfig(
      `${cloudConfigOf()}`.replace(
        'networks:',
        'networks:\n- {name: chosen, type: dynamic, subnets: [{azs: [z1, z2]}]}',
      ),
    );
    const both = (features: string, consumes = '') =>
      manifest(
        'site',
        [group('db', `[${job('db')}]`), group('web', `[${job('web', consumes)}, ${job('viewer')}]`)],
        features,
      );
    const first = async () => {
      const link = await told('site', 'web', 'web/config/store.json');
      return (link['instances'] as Array<{ id: string; address: string }>)[0];
    };
    await deployed(both('features: {use_dns_addresses: true}'));
    const named = await first();
    expect(named?.address).toBe(`${named?.id}.db.default.site.bosh`);
    await deployed(both('features: {use_dns_addresses: true}', 'consumes: {store: {from: db, ip_addresses: true}}'));
    expect((await first())?.address).toMatch(/^10\.0\.0\./);
    await deployed(both('', 'consumes: {store: {from: db, ip_addresses: false}}'));
    expect((await first())?.address).toBe(named?.address);
    await deployed(both('features: {use_dns_addresses: true, use_short_dns_addresses: true}'));
    const [db] = await instancesOf('site', 'db');
    const numbers = await director.store.dns.numbers();
    const number = (type: string, name: string) =>
      numbers.groups.find((each) => each.type === type && each.name === name)?.number;
    const network = numbers.networks.get('default');
    expect((await first())?.address).toBe(`q-m${db?.number}n${network}s0.q-g${number('instance-group', 'db')}.bosh`);
    expect(await renderedFile(director, (await instancesOf('site', 'db'))[0] ?? never(), 'db/config/me.txt')).toBe(
      (await first())?.address,
    );
    await deployed(both('features: {use_link_dns_names: true}'));
    expect((await first())?.address).toBe(`q-m${db?.number}n${network}s0.q-g${number('link', 'db-sql')}.bosh`);

    await deployed(
      manifest('site', [
        group('db', `[${job('db')}]`, { networks: '[{name: chosen}]' }),
        group('web', `[${job('web')}]`),
      ]),
    );
    expect((await first())?.address).toBe(`${db?.id}.db.chosen.site.bosh`);
  });

  test('the provider of a migrated group keeps its id', async () => {
    await deployed(shared(1));
    const [before] = await director.store.links.providers('data');
    await deployed(
      manifest('data', [
        group('store', `[${job('db', 'provides: {db: {as: main, shared: true}}')}]`, {
          more: '  migrated_from: [{name: db}]',
        }),
      ]),
    );
    expect(await director.store.links.providers('data')).toEqual([{ ...before, group: 'store' }]);
  });
});
