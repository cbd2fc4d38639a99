import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BlobId } from '../../common/ids.ts';
import type { Instance } from '../../director/store/instances.ts';
import { cloudConfigOf, givenDirector, webTier } from '../support/given-director.ts';
import { uploadJobs } from '../support/job-release.ts';

type Director = Awaited<ReturnType<typeof givenDirector>>;

interface Records {
  records: Array<[ip: string, name: string]>;
  version: number;
  record_keys: string[];
  record_infos: unknown[][];
  aliases: Record<string, unknown[]>;
}

describe('DNS records', () => {
  let director: Director;
  beforeEach(async () => {
    director = await givenDirector();
    await director.upload();
    await director.uploadStemcell();
    await director.cloudConfig(cloudConfigOf());
  });
  afterEach(() => director.close());

  async function newest(): Promise<Records> {
    const blob = await director.store.dns.newestBlob();
    if (blob === undefined) throw new Error('no version was made');
    const chunks: Buffer[] = [];
    for await (const chunk of await director.blobs.get(blob.blobId)) chunks.push(chunk as Buffer);
    const records = JSON.parse(Buffer.concat(chunks).toString()) as Records;
    expect(records.version).toBe(blob.version);
    return records;
  }

  const instances = (name: string) => director.store.instances.ofDeployment(name);
  const vmOf = (instance: Instance | undefined) => instance?.vms.find(({ active }) => active);
  const versionOn = (instance: Instance): number | undefined => {
    const cid = vmOf(instance)?.cid ?? null;
    return cid === null ? undefined : director.machines.agent(cid)?.state.dnsVersion;
  };

  test('every machine is told of all, in BOSH words, before its jobs start', async () => {
    expect(await director.deploy(webTier({ instances: 3 }))).toMatchObject({ state: 'done' });
    const all = await instances('web');
    const records = await newest();
    const numbers = await director.store.dns.numbers();
    const [web] = all;
    expect(records.record_keys).toEqual(
      'id num_id instance_group group_ids az az_id network network_id deployment ip domain agent_id instance_index'.split(
        ' ',
      ),
    );
    expect(records.record_infos).toContainEqual([
      web?.id,
      String(web?.number),
      'web',
      [String(numbers.groups[0]?.number)],
      web?.az,
      String(numbers.azs.get(web?.az ?? '')),
      'default',
      String(numbers.networks.get('default')),
      'web',
      web?.ips[0]?.address,
      'bosh',
      vmOf(web)?.agentId,
      web?.index,
    ]);
    expect(records.records).toContainEqual([web?.ips[0]?.address, `${web?.id}.web.default.web.bosh`]);
    expect(records.records).toHaveLength(3);
    for (const instance of all) expect(versionOn(instance)).toBe(records.version);

    // Nothing changes, so nothing is told.
    await director.deploy(webTier({ instances: 3 }));
    expect((await newest()).version).toBe(records.version);
  });

  test('another deployment is told of what comes, moves and goes; the version grows with each', async () => {
    await director.deploy(webTier({ name: 'other', instances: 1 }));
    const first = (await newest()).version;
    await director.deploy(webTier({ instances: 2 }));
    await director.deploy(webTier({ instances: 2 }), { recreate: true });
    const grown = await newest();
    const agents = (await instances('web')).map((instance) => vmOf(instance)?.agentId);
    expect(grown.record_infos.map((info) => info[11])).toEqual(expect.arrayContaining(agents));
    expect(grown.version).toBeGreaterThan(first);
    await director.deploy(webTier({ instances: 1 }));
    expect((await newest()).record_infos).toHaveLength(2);
    await director.delete('web');
    const last = await newest();
    expect(last.record_infos.map((info) => info[8])).toEqual(['other']);
    expect(last.version).toBeGreaterThan(grown.version);
    const [other] = await instances('other');
    expect(other === undefined ? undefined : versionOn(other)).toBe(last.version);
  });

  test('an agent that was away is told when it is back, and no deploy waits for it twice', async () => {
    await director.deploy(webTier({ name: 'other', instances: 1 }));
    const [other] = await instances('other');
    const cid = vmOf(other)?.cid;
    const machine = cid == null ? undefined : director.machines.agent(cid);
    machine?.die();
    await director.deploy(webTier({ instances: 1 }));
    const { version } = await newest();
    const behind = (await director.store.dns.agents()).filter((agent) => agent.version < version);
    expect(behind.map(({ agentId }) => agentId)).toEqual([vmOf(other)?.agentId]);
    machine?.start();
    const agentId = behind[0]?.agentId;
    if (agentId !== undefined) await director.dns.tell(agentId);
    expect(machine?.state.dnsVersion).toBe(version);
    expect((await director.store.dns.agents()).filter((agent) => agent.version < version)).toEqual([]);
  }, 60_000);

  test('versions that nobody needs are deleted, the newest never', async () => {
    await director.deploy(webTier({ instances: 1 }));
    await director.deploy(webTier({ instances: 2 }));
    await director.delete('web');
    const made = await director.store.dns.blobs();
    expect(made.length).toBeGreaterThan(2);
    expect(await director.dns.cleanUp({ olderThanMs: 3_600_000, keep: 1 })).toBe(0);
    expect(await director.dns.cleanUp({ olderThanMs: -1, keep: 2 })).toBe(made.length - 2);
    expect(await director.store.dns.blobs()).toEqual(made.slice(-2));
    expect(await director.blobs.size(made[0]?.blobId ?? ('' as BlobId))).toBeUndefined();
  });

  test('a change of an alias touches no machine but tells all of them', async () => {
    await uploadJobs(director, {
      name: 'app',
      jobs: { db: { provides: [{ name: 'db', type: 'sql' }], templates: { 'config/a': 'a' } } },
    });
    const manifest = (as: string, aliases: string) => `
name: data
releases: [{name: app, version: "1"}]
stemcells: [{alias: default, os: tiny-os, version: "1"}]
update: {canaries: 1, max_in_flight: 2, canary_watch_time: 1-2, update_watch_time: 1-2}
instance_groups:
- name: db
  instances: 2
  azs: [z1, z2]
  vm_type: small
  stemcell: default
  networks: [{name: default}]
  jobs: [{name: db, release: app, provides: {db: {as: ${as}, aliases: ${aliases}}}}]
`;
    await director.deploy(manifest('main', '[{domain: db.internal, health_filter: all}, {domain: db.internal}]'));
    const first = await newest();
    const group = (name: string) =>
      director.store.dns.numbers().then(({ groups }) => String(groups.find((each) => each.name === name)?.number));
    const target = { root_domain: 'bosh', group_id: await group('main-sql') };
    expect(first.aliases).toEqual({
      'db.internal': [
        { ...target, health_filter: 'all', initial_health_check: null, placeholder_type: null },
        { ...target, health_filter: null, initial_health_check: null, placeholder_type: null },
      ],
    });
    expect(first.record_infos[0]?.[3]).toContain(await group('main-sql'));

    const again = await director.deploy(manifest('main', '[{domain: other.internal}]'));
    expect(again.events).not.toContain('Updating instance');
    expect((await newest()).aliases).toEqual({
      'other.internal': [{ ...target, health_filter: null, initial_health_check: null, placeholder_type: null }],
    });
    const [db] = await instances('data');
    expect(db === undefined ? undefined : versionOn(db)).toBe((await newest()).version);

    await director.delete('data');
    expect(await newest()).toMatchObject({ aliases: {}, records: [] });
  });

  test('records of ten thousand instances are made within a second, and nobody waits long for a turn', async () => {
    const total = 10_000;
    await director.store.deployments.create('big' as never, [], 0);
    await director.store.dns.number({
      azs: ['z1'],
      networks: ['default'],
      groups: [{ type: 'instance-group', name: 'app' }],
      deployment: 'big',
    });
    const ids = Array.from({ length: total }, (_, i) => `instance-${i}`) as Array<Instance['id']>;
    await director.store.instances.create(
      ids.map((id, index) => ({
        id,
        deployment: 'big' as Instance['deployment'],
        group: 'app',
        index,
        az: 'z1',
        state: 'started' as const,
        bootstrap: false,
        ignore: false,
        compilation: false,
        updateCompleted: true,
        spec: null,
      })),
    );
    const record = (i: number) => ({
      network: 'default',
      deployment: 'big',
      group: 'app',
      az: 'z1',
      ip: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
      domain: 'bosh',
      agentId: null,
      links: [],
    });
    await director.store.dns.setRecords(ids.map((instance, i) => ({ instance, records: [record(i)] })));
    let [longestMs, beforeMs] = [0, performance.now()];
    const watching = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - beforeMs);
      beforeMs = performance.now();
    }, 1);
    const startMs = performance.now();
    await director.dns.tellAll();
    const tookMs = performance.now() - startMs;
    clearInterval(watching);
    expect((await newest()).record_infos).toHaveLength(total);
    expect(longestMs).toBeLessThan(1_000); // 60 ms there
    expect(tookMs).toBeLessThan(5_000); // a second where the computer has nothing else to do
  });
});
