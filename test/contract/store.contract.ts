import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type AgentId,
  type BlobId,
  type DeploymentName,
  type DiskCid,
  id,
  type InstanceId,
  type StemcellCid,
  taskId,
  type VmCid,
} from '../../common/ids.ts';
import { eventsListMax } from '../../director/store/events.ts';
import { tokensOfLogInMax } from '../../director/store/log-ins.ts';
import type { Instance, IpAddress, PersistentDisk, Vm } from '../../director/store/instances.ts';
import type { Store } from '../../director/store/store.ts';

export interface GivenStore {
  store: Store;
  /** What another director sees of the same database. */
  second: Store;
  close: () => Promise<void>;
}

/** What every store promises to the director, apart from tasks and locks (queue.contract.ts). */
export function storeContract(name: string, given: () => Promise<GivenStore>): void {
  describe(`store: ${name}`, () => {
    let store: Store;
    let second: Store;
    let close: () => Promise<void>;
    beforeAll(async () => ({ store, second, close } = await given()));
    afterAll(() => close());

    const web = id<DeploymentName>('web');
    const instance = (n: number, more: Partial<Instance> = {}) => ({
      id: id<InstanceId>(`instance-${n}`),
      deployment: web,
      group: 'apps',
      index: n,
      az: 'z1',
      state: 'started' as const,
      bootstrap: n === 0,
      ignore: false,
      compilation: false,
      updateCompleted: false,
      spec: null,
      ...more,
    });
    const vm = (n: number, more: Partial<Vm> = {}) => ({
      agentId: id<AgentId>(`agent-${n}`),
      cid: null,
      instanceId: id<InstanceId>(`instance-${n}`),
      state: 'creating' as const,
      active: true,
      cpi: '',
      stemcell: { name: 's', version: '1', cid: id<StemcellCid>('sc'), apiVersion: 3 },
      cloudProperties: { z: 1, a: [true, null] },
      networks: {},
      env: {},
      permanentCredentials: false,
      createdAtMs: 1_900_000_000_000,
      ...more,
    });
    const disk = (n: number): PersistentDisk => ({
      key: `disk-${n}`,
      cid: null,
      instanceId: id<InstanceId>(`instance-${n}`),
      state: 'creating',
      active: true,
      sizeMib: 2 ** 40,
      cloudProperties: {},
      name: '',
      cpi: 'c',
    });
    const ip = (n: number, address: string): IpAddress => ({
      address,
      network: 'default',
      static: false,
      instanceId: id<InstanceId>(`instance-${n}`),
      taskId: taskId(1),
    });

    afterEach(async () => {
      for (const one of await store.instances.all()) {
        for (const { agentId } of one.vms) await store.instances.forgetVm(agentId);
        for (const { key } of one.disks) await store.instances.forgetDisk(key);
        await store.instances.release(one.ips.map(({ address }) => address));
        await store.instances.delete(one.id);
      }
      for (const one of await store.instances.orphanedDisks()) await store.instances.forgetOrphanedDisk(one.cid);
      for (const one of await store.instances.orphanedVms()) await store.instances.forgetOrphanedVm(one.agentId);
      for (const one of await store.deployments.list()) await store.deployments.delete(one.name);
    });

    async function givenInstances(count: number): Promise<void> {
      await store.deployments.create(web, [], 0);
      await store.instances.create(Array.from({ length: count }, (_, n) => instance(n)));
    }

    test('an instance with its VMs, disks and addresses comes back as it was recorded and changed', async () => {
      await givenInstances(2);
      const spec = { b: { blobstore_id: 'blob-of-spec' }, a: 'ü\n' };
      await store.instances.recordVm(vm(0));
      await store.instances.updateVm(id<AgentId>('agent-0'), { cid: id<VmCid>('vm-0'), state: 'live' });
      await store.instances.updateVm(id<AgentId>('agent-0'), { problem: 'silent', permanentCredentials: true });
      await store.instances.recordDisk(disk(0));
      await store.instances.updateDisk('disk-0', { cid: id<DiskCid>('d-0'), state: 'live' });
      await store.instances.reserve([ip(0, '10.0.0.1'), ip(0, 'fd00::1')]);
      await store.instances.update(instance(0).id, { spec, state: 'stopped', ignore: true, updateCompleted: true });

      const [first, other] = await second.instances.ofDeployment('web');
      expect(first).toEqual({
        ...instance(0, { spec, state: 'stopped', ignore: true, updateCompleted: true }),
        number: expect.any(Number),
        vms: [{ ...vm(0, { cid: id<VmCid>('vm-0'), state: 'live', permanentCredentials: true }), problem: 'silent' }],
        disks: [{ ...disk(0), cid: 'd-0', state: 'live' }],
        ips: [ip(0, '10.0.0.1'), ip(0, 'fd00::1')],
      });
      expect(Object.keys(first?.spec ?? {})).toEqual(['b', 'a']); // rendered specs are compared as text
      expect(other).toMatchObject({ id: 'instance-1', vms: [], disks: [], ips: [] });
      expect((await store.instances.vmByCid(id<VmCid>('vm-0')))?.agentId).toBe('agent-0');
      expect(await blobs()).toContain('blob-of-spec');
      await expect(store.instances.update(id<InstanceId>('nobody'), { ignore: true })).rejects.toThrow('nobody');
      await expect(store.instances.updateVm(id<AgentId>('nobody'), { active: false })).rejects.toThrow('nobody');
      await expect(store.instances.recordVm(vm(0))).rejects.toThrow();
    });

    test('nothing is forgotten by the way: not an instance with a VM, disk or address, not a deployment with instances', async () => {
      await givenInstances(1);
      const gone = instance(0).id;
      await store.instances.recordVm(vm(0));
      await expect(store.instances.delete(gone)).rejects.toThrow('vms');
      await store.instances.forgetVm(id<AgentId>('agent-0'));
      await store.instances.reserve([ip(0, '10.0.0.1')]);
      await expect(store.instances.delete(gone)).rejects.toThrow('ip_addresses');
      await store.instances.release(['10.0.0.1']);
      await expect(store.deployments.delete('web')).rejects.toThrow('1 instances');
      await store.instances.delete(gone);
      await store.deployments.delete('web');
      expect(await store.deployments.get('web')).toBeUndefined();
    });

    test('an address is had by one instance; the other one is told by whom, and gets none of its list', async () => {
      await givenInstances(2);
      await store.instances.reserve([ip(0, '10.0.0.1')]);
      await store.instances.reserve([{ ...ip(0, '10.0.0.1'), static: true }]); // the same task, begun again
      const wanted = [ip(1, '10.0.0.2'), ip(1, '10.0.0.1')];
      await expect(second.instances.reserve(wanted)).rejects.toMatchObject({
        code: 'address-taken',
        message: expect.stringContaining('10.0.0.1 by apps/instance-0 of deployment web'),
      });
      expect(await store.instances.addresses()).toEqual([{ ...ip(0, '10.0.0.1'), static: true }]);
    });

    test('of two who want one address at the same moment one gets it', async () => {
      await givenInstances(2);
      for (let n = 0; n < 10; n++) {
        const address = `10.0.1.${n}`;
        const results = await Promise.allSettled([
          store.instances.reserve([ip(0, address)]),
          second.instances.reserve([ip(1, address)]),
        ]);
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        expect(results.find((result) => result.status === 'rejected')?.reason).toMatchObject({ code: 'address-taken' });
      }
    });

    test('an orphaned VM leaves its instance, and takes the addresses that no other VM of it has', async () => {
      await givenInstances(1);
      const networks = (ip: string) => ({ a: { type: 'manual', ip }, b: { type: 'dynamic', ip: '192.168.0.1' } });
      const agentId = id<AgentId>('agent-0');
      await store.instances.recordVm(
        vm(0, { networks: { ...networks('10.0.0.1'), v: { type: 'vip', ip: '1.2.3.4' } } }),
      );
      await store.instances.recordVm(vm(0, { agentId: id<AgentId>('other'), networks: networks('10.0.0.1') }));
      await store.instances.reserve([ip(0, '10.0.0.1'), ip(0, '1.2.3.4')]);
      const from = { deployment: 'web', instance: 'apps/instance-0', az: null };
      expect(await store.instances.orphanVm(agentId, from, 7)).toEqual(['1.2.3.4']);
      expect(await second.instances.orphanedVms()).toEqual([
        { agentId, cid: null, cpi: '', apiVersion: 3, ...from, addresses: ['10.0.0.1', '1.2.3.4'], orphanedAtMs: 7 },
      ]);
      const [left] = await store.instances.ofDeployment('web');
      expect(left).toMatchObject({ vms: [{ agentId: 'other' }], ips: [{ address: '10.0.0.1' }] });
      await expect(store.instances.orphanVm(agentId, from, 8)).rejects.toThrow('agent-0');
      await store.instances.forgetOrphanedVm(agentId);
      expect(await store.instances.orphanedVms()).toEqual([]);
    });

    test('an instance adopts the disk that was orphaned, with what is known of it, or one that nobody knew', async () => {
      await givenInstances(2);
      const from = { deployment: 'web', instance: 'apps/instance-0', az: 'z1' };
      await store.instances.recordDisk({ ...disk(0), cid: id<DiskCid>('d-0'), state: 'live' });
      expect(await store.instances.diskByCid(id<DiskCid>('d-0'))).toMatchObject({ key: 'disk-0' });
      const unknown = { ...disk(1), sizeMib: 1, state: 'live', active: true, instanceId: instance(1).id } as const;
      const adopt = (cid: string) => store.instances.adoptDisk({ ...unknown, cid: id<DiskCid>(cid) });
      await expect(adopt('d-0')).rejects.toThrow('has disk d-0');
      await store.instances.orphanDisk('disk-0', from, 5);
      expect(await store.instances.orphanedDisk(id<DiskCid>('d-0'))).toMatchObject({ orphanedAtMs: 5 });
      expect(await adopt('d-0')).toMatchObject({ key: 'disk-0', sizeMib: disk(0).sizeMib, instanceId: instance(1).id });
      expect(await store.instances.orphanedDisks()).toEqual([]);
      expect(await adopt('d-1')).toMatchObject({ key: 'disk-1', sizeMib: 1 });
      expect((await store.instances.get(instance(1).id))?.disks).toMatchObject([{ cid: 'd-0' }, { cid: 'd-1' }]);
      expect(await store.instances.diskByCid(id<DiskCid>('d-9'))).toBeUndefined();
    });

    test('an orphaned disk leaves its instance with its time, once', async () => {
      await givenInstances(1);
      await store.instances.recordDisk(disk(0));
      const from = { deployment: 'web', instance: 'apps/instance-0', az: 'z1' };
      await expect(store.instances.orphanDisk('disk-0', from, 5)).rejects.toThrow('never gave it an id');
      await store.instances.updateDisk('disk-0', { cid: id<DiskCid>('d-0') });
      await store.instances.orphanDisk('disk-0', from, 5);
      await store.instances.orphanDisk('disk-0', from, 9);
      const cid = id<DiskCid>('d-0');
      const orphaned = { cid, sizeMib: 2 ** 40, ...from, cloudProperties: {}, cpi: 'c', orphanedAtMs: 5 };
      expect(await store.instances.orphanedDisks()).toEqual([orphaned]);
      await store.instances.forgetOrphanedDisk(cid);
      expect(await store.instances.orphanedDisks()).toEqual([]);
    });

    test('more instances than a page, by group and index; compilation machines apart', async () => {
      await store.deployments.create(web, [], 0);
      const many = Array.from({ length: 600 }, (_, n) => instance(n, { group: n % 2 === 0 ? 'b' : 'a' }));
      await store.instances.create([...many.reverse(), instance(9999, { compilation: true })]);
      const found = await store.instances.ofDeployment('web');
      expect(found).toHaveLength(600);
      expect(found.slice(0, 2).map((one) => [one.group, one.index])).toEqual([
        ['a', 1],
        ['a', 3],
      ]);
      expect(found.at(-1)).toMatchObject({ group: 'b', index: 598 });
      expect(await store.instances.ofDeployment('web', { compilation: true })).toHaveLength(601);
      expect(await store.instances.countByDeployment()).toEqual(new Map([['web', 600]]));
      await store.atomically(async (inside) => {
        for (const one of found) await inside.instances.delete(one.id);
      });
    });

    test('what the health monitor watches: every instance with the VM that serves it, and who should have one', async () => {
      await store.deployments.create(web, ['ateam'], 0);
      const service = { spec: { lifecycle: 'service', properties: { lifecycle: 'errand' } } };
      await store.instances.create([
        instance(0, service),
        instance(1, { spec: { lifecycle: 'errand' }, ignore: true }),
        instance(2, { ...service, state: 'detached' }),
        instance(3),
        instance(4, { ...service, state: 'stopped' }),
        instance(5, { ...service, compilation: true }),
      ]);
      await store.instances.recordVm(vm(0, { active: false }));
      await store.instances.recordVm(vm(1, { instanceId: id('instance-0'), cid: id<VmCid>('vm-1'), state: 'live' }));
      const watched = await store.instances.watched();
      expect(watched[0]).toEqual({
        id: 'instance-0',
        deployment: 'web',
        group: 'apps',
        index: 0,
        agentId: 'agent-1',
        cid: 'vm-1',
        expectsVm: true,
        ignored: false,
      });
      expect(watched.map(({ agentId, expectsVm }) => [agentId, expectsVm])).toEqual([
        ['agent-1', true],
        [null, false],
        [null, false],
        [null, false],
        [null, true],
        [null, false],
      ]);
      expect(watched[1]?.ignored).toBe(true);
      expect(await store.deployments.names()).toEqual([{ name: 'web', teams: ['ateam'] }]);
      for (const agent of ['agent-0', 'agent-1']) await store.instances.forgetVm(id(agent));
      for (const { id: gone } of watched) await store.instances.delete(gone);
    });

    test('all of them, however many pages', async () => {
      await store.deployments.create(web, [], 0);
      await store.instances.create(Array.from({ length: 2_100 }, (_, n) => instance(n)));
      const watched = await store.instances.watched();
      expect(new Set(watched.map(({ id: one }) => one)).size).toBe(2_100);
      await store.atomically(async (inside) => {
        for (const { id: gone } of watched) await inside.instances.delete(gone);
      });
    });

    test('all of a transaction or nothing, and what is nested in it belongs to it', async () => {
      const broken = store.atomically(async (outer) => {
        await outer.setAttribute('outer', '1');
        await outer.atomically(async (inner) => inner.setAttribute('inner', '1'));
        expect(await outer.attribute('inner')).toBe('1');
        throw new Error('on second thoughts');
      });
      await expect(broken).rejects.toThrow('second thoughts');
      expect(await store.attribute('outer')).toBeUndefined();
      expect(await store.attribute('inner')).toBeUndefined();

      await store.atomically(async (outer) => outer.setAttribute('outer', '2'));
      await store.setAttribute('outer', '3');
      expect(await second.attribute('outer')).toBe('3');
    });

    test('a deployment keeps its first making; releases and stemcells are those of the last deploy', async () => {
      const made = await store.deployments.create(web, ['blue'], 100);
      expect(await store.deployments.create(web, ['red'], 200)).toEqual(made);
      expect(made).toMatchObject({ manifest: null, teams: ['blue'], createdAtMs: 100, releases: [] });
      const one = { name: 'r', version: '1' };
      await store.deployments.uses('web', { releases: [one], stemcells: [one] });
      await store.deployments.uses('web', { releases: [one, { name: 'r', version: '2' }], stemcells: [] });
      expect((await store.deployments.get('web'))?.releases).toHaveLength(2);
      const ids = { cloudConfigIds: [7], runtimeConfigIds: [8, 9] };
      await store.deployments.deployed('web', {
        manifest: 'name: web',
        ...ids,
        releases: [one],
        stemcells: [],
        deploy: { taskId: taskId(1), atMs: 300, user: 'admin', versions: { releases: {}, stemcells: {} } },
      });
      expect(await store.deployments.list()).toEqual([
        { ...made, manifest: 'name: web', ...ids, releases: [one], stemcells: [] },
      ]);
      expect(await store.releases.usedBy('r', '1')).toEqual(['web']);
      expect(await store.releases.usedBy('r', '2')).toEqual([]);
    });

    test('of its deploys the last ten that differ are kept, newest first, each with its manifest', async () => {
      await store.deployments.create(web, [], 100);
      const deploy = (task: number, manifest: string) =>
        store.deployments.deployed('web', {
          manifest,
          cloudConfigIds: [7],
          runtimeConfigIds: [],
          releases: [],
          stemcells: [],
          deploy: {
            taskId: taskId(task),
            atMs: task * 100,
            user: 'admin',
            versions: { releases: { r: '1' }, stemcells: { default: '2' } },
          },
        });
      const kept = async () => (await store.deployments.pastDeploys('web')).map((past) => Number(past.taskId));
      for (let task = 1; task <= 12; task++) await deploy(task, `n: ${task}`);
      expect(await kept()).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
      await deploy(13, 'n: 12'); // the same again
      await deploy(13, 'n: 12'); // by a director that was killed before it could say so
      expect(await kept()).toEqual([13, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
      expect((await store.deployments.pastDeploys('web'))[0]).toEqual({
        taskId: 13,
        atMs: 1300,
        user: 'admin',
        cloudConfigIds: [7],
        runtimeConfigIds: [],
        versions: { releases: { r: '1' }, stemcells: { default: '2' } },
      });
      expect(await store.deployments.pastManifest('web', taskId(5))).toBe('n: 5');
      expect(await store.deployments.pastManifest('web', taskId(2))).toBeUndefined();
      await store.deployments.delete('web');
      expect(await kept()).toEqual([]);
    });

    test('links are recorded by a deploy, found by others while shared, and settle once it succeeded', async () => {
      for (const name of ['giver', 'taker']) await store.deployments.create(id<DeploymentName>(name), [], 1);
      const key = (group: string, name = 'db') => ({ ownerType: 'job' as const, group, owner: 'db', name });
      const giving = (group: string, content: object | null, isShared = true) => ({
        ...key(group),
        alias: 'main',
        type: 'sql',
        shared: isShared,
        content: content === null ? null : { ...content },
      });
      const none = new Map<string, string[]>();
      const provides = (providers: ReturnType<typeof giving>[], formerGroups = none) =>
        store.links.record('giver', { providers, consumers: [], formerGroups }, 5);
      await provides([giving('a', { instances: [{ id: 'x' }, { id: 'y' }], networks: ['n', 'm'], b: 1 })]);
      const [provider] = await second.links.sharedBy(['giver', 'taker']);
      expect(provider).toMatchObject({ deployment: 'giver', group: 'a', content: { b: 1 } });
      const providerId = provider?.id ?? 0;

      const takes = async (content: object) => {
        const consumer = { ...key('web', 'store'), alias: 'main', type: 'sql', optional: false };
        const link = { provider: { id: providerId }, content: { ...content } };
        await store.links.record('taker', { providers: [], consumers: [{ ...consumer, link }], formerGroups: none }, 6);
        return store.links.links('taker');
      };
      const [first] = await takes({ networks: ['n', 'm'], instances: [{ id: 'x', a: 1 }, { id: 'y' }] });
      // The same in another order is the same; something else comes beside it until the deploy has succeeded.
      expect(await takes({ instances: [{ id: 'y' }, { a: 1, id: 'x' }], networks: ['m', 'n'] })).toEqual([first]);
      expect(await takes({ networks: ['n'], instances: [] })).toHaveLength(2);
      await store.links.settle('taker');
      const [kept, ...others] = await second.links.links('taker');
      expect(others).toEqual([]);
      expect(kept?.id).not.toBe(first?.id);
      expect(await store.links.link(kept?.id ?? 0)).toMatchObject({
        content: { networks: ['n'] },
        provider: { id: providerId },
        consumer: { name: 'store', deployment: 'taker' },
      });

      await provides([giving('b', null)], new Map([['b', ['a']]]));
      expect((await store.links.providers('giver')).map((row) => [row.id, row.group])).toEqual([[providerId, 'b']]);
      await provides([]);
      expect(await store.links.sharedBy(['giver'])).toEqual([]);
      expect(await store.links.providers('giver')).toHaveLength(1);
      await store.links.settle('giver');
      expect(await store.links.providers('giver')).toEqual([]);
      expect((await store.links.links('taker'))[0]).toMatchObject({ id: kept?.id, providerId: null });
      for (const name of ['giver', 'taker']) await store.deployments.delete(name);
      expect(await store.links.link(kept?.id ?? 0)).toBeUndefined();
    });

    test('a link for somebody outside is made once, and takes its consumer along when it goes', async () => {
      await store.deployments.create(id<DeploymentName>('giver'), [], 1);
      const key = { ownerType: 'job' as const, group: 'a', owner: 'db', name: 'db' };
      const provides = { ...key, alias: 'main', type: 'sql', shared: true, content: {} };
      const record = () =>
        store.links.record('giver', { providers: [provides], consumers: [], formerGroups: new Map() }, 5);
      await record();
      const [provider] = await store.links.sharedBy(['giver']);
      if (provider === undefined) throw new Error('no provider');
      const ask = (content: object) =>
        store.links.createExternal({ provider, owner: 'router', content: { ...content } }, 7);
      const link = await ask({ a: 1 });
      expect(await ask({ a: 1 })).toEqual(link);
      const other = await ask({ a: 2 });
      expect(other).not.toEqual(link);
      await record();
      await store.links.settle('giver');
      expect(await store.links.links('giver')).toEqual([link, other]);
      await store.links.deleteExternal(link.id);
      expect(await store.links.consumers('giver')).toHaveLength(1);
      await store.links.deleteExternal(other.id);
      expect(await store.links.consumers('giver')).toEqual([]);
      await store.deployments.delete('giver');
    });

    test('DNS: numbers are given once, and each change of a record or alias is counted', async () => {
      await store.deployments.create(web, [], 1);
      const groups = [
        { type: 'instance-group' as const, name: 'apps' },
        { type: 'link' as const, name: 'apps' },
      ];
      const give = () => store.dns.number({ azs: ['z1', 'z2'], networks: ['n'], groups, deployment: 'web' });
      await give();
      const numbers = await second.dns.numbers();
      await give();
      expect(await store.dns.numbers()).toEqual(numbers);
      expect(numbers.groups.filter(({ deployment }) => deployment === 'web')).toHaveLength(2);

      await store.instances.create([instance(0), instance(1)]);
      const [a, b] = [instance(0).id, instance(1).id];
      const record = (network: string, ip: string) => ({
        network,
        deployment: 'web',
        group: 'apps',
        az: null,
        ip,
        domain: 'bosh',
        agentId: null,
        links: ['l'],
      });
      const countOf = async (change: () => Promise<void>) => {
        const before = await store.dns.changes();
        await change();
        return (await second.dns.changes()) - before;
      };
      const two = [record('n', '1.1.1.1'), record('M', '1.1.1.2')];
      expect(await countOf(() => store.dns.setRecords([{ instance: a, records: two }]))).toBe(1);
      expect(await countOf(() => store.dns.setRecords([{ instance: a, records: two.toReversed() }]))).toBe(0);
      expect(await countOf(() => store.dns.setRecords([{ instance: b, records: [record('n', '1.1.1.3')] }]))).toBe(1);
      const all = await store.dns.recordsAfter(0);
      expect(all.records.filter(({ deployment }) => deployment === 'web')).toHaveLength(3);
      expect((await store.dns.recordsAfter(all.next ?? 0)).next).toBeNull();
      expect((await store.dns.records('web')).get(b)).toEqual([record('n', '1.1.1.3')]);
      expect(await countOf(() => store.dns.setRecords([{ instance: b, records: [] }]))).toBe(1);

      const alias = {
        domain: 'd',
        groupId: 1,
        healthFilter: null,
        initialHealthCheck: 'synchronous',
        placeholderType: null,
      };
      expect(await countOf(() => store.dns.setAliases('web', [alias, alias]))).toBe(1);
      expect(await countOf(() => store.dns.setAliases('web', [alias, alias]))).toBe(0);
      expect(await store.dns.allAliases()).toEqual([alias, alias]);
      expect(await countOf(() => store.dns.setAliases('web', []))).toBe(1);
    });

    test('DNS: versions grow, half-made ones are not told, and older news of an agent change nothing', async () => {
      await store.deployments.create(web, [], 1);
      await store.instances.create([instance(0)]);
      await store.instances.recordVm(vm(0, { state: 'live' }));
      const lost = await store.dns.nextVersion(3, 10);
      const version = await store.dns.nextVersion(4, 11);
      expect(version).toBeGreaterThan(lost);
      expect(await store.dns.newestBlob()).toBeUndefined();
      await store.dns.blobMade(version, { blobId: id<BlobId>('blob'), digest: 'sha256:x' });
      const blob = { version, blobId: 'blob', digest: 'sha256:x', changes: 4, createdAtMs: 11 };
      expect(await second.dns.newestBlob()).toEqual(blob);
      expect(await second.dns.blobs()).toEqual([blob]);
      const referenced: string[] = [];
      for await (const each of store.referencedBlobs()) referenced.push(each);
      expect(referenced).toContain('blob');

      const { agentId } = vm(0);
      expect(await store.dns.agents()).toEqual([{ agentId, version: 0 }]);
      await store.dns.agentsHave(version, [agentId]);
      await store.dns.agentsHave(version - 1, [agentId]);
      await store.dns.forgetGoneAgents();
      expect(await second.dns.agents()).toEqual([{ agentId, version }]);
      await store.dns.forgetBlobs([version]);
      expect(await store.dns.newestBlob()).toBeUndefined();
      expect(await store.dns.nextVersion(5, 12)).toBeGreaterThan(version);
    });

    test('of configs the newest counts, per type and name; deleting it brings the one before back', async () => {
      const create = (type: string, name: string, content: string, team: string | null = null) =>
        store.configs.create({ type, name, content, team }, 5);
      const old = await create('cloud', 'default', 'one');
      const now = await create('cloud', 'default', 'two');
      const extra = await create('cloud', 'another', 'three', 'blue');
      await create('runtime', 'default', 'four');
      expect(await store.configs.latest('cloud', 'default')).toEqual(now);
      expect(await store.configs.get(old.id)).toEqual({ ...old, current: false });
      const contents = async (filter: Parameters<Store['configs']['list']>[0]) =>
        (await store.configs.list(filter)).map((config) => config.content);
      expect(await contents({})).toEqual(['two', 'three', 'four']);
      expect(await contents({ type: 'cloud', limit: Infinity })).toEqual(['two', 'one', 'three']);
      expect((await store.configs.currentOf('cloud', [])).map(({ id: found }) => found)).toEqual([now.id]);
      expect((await store.configs.currentOf('cloud', ['blue'])).map(({ id: found }) => found)).toEqual([
        now.id,
        extra.id,
      ]);
      expect(await store.configs.currentOf('cloud', 'all')).toHaveLength(2);

      expect(await store.configs.delete({ id: now.id })).toBe(1);
      expect(await store.configs.latest('cloud', 'default')).toEqual({ ...old, current: true });
      expect(await store.configs.getAll([now.id, old.id])).toMatchObject([
        { deleted: true, current: false },
        { id: old.id },
      ]);
      expect(await store.configs.delete({ type: 'cloud', name: 'default' })).toBe(1);
      expect(await contents({ type: 'cloud' })).toEqual(['three']);
    });

    test('versions of a release share what is the same; deleting one gives the blobs that nobody needs', async () => {
      const part = (name_: string, blob: string) => ({
        name: name_,
        version: blob,
        fingerprint: blob,
        blobId: id<BlobId>(blob),
        digest: 'd',
      });
      const begin = (version: string) =>
        store.releases.begin({ name: 'cf', version, commitHash: 'abc', uncommittedChanges: false });
      const one = await begin('9');
      expect(await begin('9')).toEqual(one);
      const shared = await store.releases.addJob(one.id, {
        ...part('router', 'j1'),
        packages: ['go'],
        spec: { name: 'router' },
      });
      const go = await store.releases.addPackage(one.id, { ...part('go', 'p1'), dependencies: [] });
      await store.releases.complete(one.id);
      const two = await begin('10');
      expect(
        (
          await store.releases.addJob(two.id, {
            ...part('router', 'j1'),
            blobId: id<BlobId>('again'),
            packages: [],
            spec: {},
          })
        ).id,
      ).toBe(shared.id);
      await store.releases.addPackage(two.id, { ...part('go', 'p2'), dependencies: ['x'] });

      const key = `[${'"long",'.repeat(2000)}]`; // longer than an index entry of PostgreSQL
      const compiled = {
        packageId: go.id,
        stemcellOs: 'ubuntu',
        stemcellVersion: '1',
        dependencyKey: key,
        blobId: id<BlobId>('c1'),
        digest: 'd',
      };
      const added = await Promise.all([store.releases.addCompiled(compiled), second.releases.addCompiled(compiled)]);
      expect(added.map(({ id: found, build }) => [found, build])).toEqual([
        [added[0]?.id, 1],
        [added[0]?.id, 1],
      ]);
      expect(
        (await store.releases.addCompiled({ ...compiled, dependencyKey: '[]', blobId: id<BlobId>('c2') })).build,
      ).toBe(2);
      expect(await store.releases.compiledByFingerprint(['p1'])).toMatchObject([
        { name: 'go', fingerprint: 'p1', dependencyKey: key },
        {},
      ]);

      expect(await store.releases.versions('cf')).toEqual(['9', '10']);
      expect(await store.releases.listing('cf')).toMatchObject({
        versions: [{ version: '9', complete: true, jobNames: ['router'] }, { version: '10' }],
      });
      expect(await store.releases.contents('cf', '9')).toMatchObject({
        jobs: [{ spec: { name: 'router' } }],
        packages: [{ fingerprint: 'p1' }],
      });
      expect(await blobs()).toEqual(expect.arrayContaining(['j1', 'p1', 'p2', 'c1', 'c2']));

      expect((await store.releases.deleteVersion('cf', '9')).sort()).toEqual(['c1', 'c2', 'p1']);
      expect(await store.releases.blobExists(id<BlobId>('j1'))).toBe(true);
      expect((await store.releases.deleteVersion('cf', '10')).sort()).toEqual(['j1', 'p2']);
      expect(await store.releases.list()).toEqual([]);
    });

    test('a stemcell is known per CPI, with who uses it; deleting it makes an upload needed again', async () => {
      const save = (version: string, cpi: string) =>
        store.stemcells.save({
          name: 'jammy',
          version,
          operatingSystem: 'ubuntu',
          cid: id<StemcellCid>(`cid-${cpi}`),
          cpi,
          apiVersion: 3,
          digest: null,
        });
      await save('1.10', 'a');
      await save('1.10', 'b');
      const old = await save('1.9', 'a');
      expect(await save('1.9', 'a')).toEqual(old);
      for (const cpi of ['a', 'b', 'c', 'a'])
        await store.stemcells.recordUpload({ name: 'jammy', version: '1.10', cpi });
      await store.deployments.create(web, [], 0);
      await store.deployments.uses('web', { releases: [], stemcells: [{ name: 'jammy', version: '1.9' }] });
      const listed = await store.stemcells.list();
      expect(listed.map((one) => [one.version, one.cpi, one.deployments])).toEqual([
        ['1.9', 'a', ['web']],
        ['1.10', 'a', []],
        ['1.10', 'b', []],
      ]);
      expect(await store.stemcells.find('jammy', '1.10', 'b')).toHaveLength(1);
      expect(await store.stemcells.uploads('jammy', '1.10')).toEqual(['a', 'b', 'c']);
      await store.stemcells.delete(listed[1]?.id ?? 0);
      expect(await store.stemcells.uploads('jammy', '1.10')).toEqual(['b', 'c']);
      for (const one of await store.stemcells.ofSystem('ubuntu')) await store.stemcells.delete(one.id);
      expect(await store.stemcells.uploads('jammy', '1.10')).toEqual([]);
    });

    test('a log-in is found by each of its refresh tokens, of which the newest stay, until it ends', async () => {
      const logIn = (n: string, expiresAtMs = 100) => ({
        id: n,
        user: 'ann',
        source: 'local',
        client: 'bosh_cli',
        scopes: n === '1' ? ['bosh.read'] : null,
        createdAtMs: 1,
        expiresAtMs,
      });
      const { logIns } = store;
      await logIns.create(logIn('1'), 'first');
      await logIns.create(logIn('2', 50), 'other');
      expect(await logIns.find('first')).toEqual({ logIn: logIn('1'), usedAtMs: null });

      expect(await second.logIns.rotate({ logIn: '1', from: 'first', to: 'second', nowMs: 7 })).toBe(true);
      expect(await logIns.rotate({ logIn: '1', from: 'first', to: 'third', nowMs: 9 })).toBe(true);
      expect((await logIns.find('first'))?.usedAtMs).toBe(7); // the first time counts
      expect((await logIns.find('third'))?.usedAtMs).toBeNull();
      for (let n = 0; n < tokensOfLogInMax; n++) {
        await store.logIns.rotate({ logIn: '1', from: 'third', to: `t${n}`, nowMs: 10 });
      }
      expect(await logIns.find('third')).toBeUndefined();
      expect(await logIns.find('t0')).toBeDefined();

      await logIns.prune(50);
      expect(await logIns.find('other')).toBeUndefined();
      expect(await logIns.endOf('ann')).toBe(1);
      expect(await logIns.find('t0')).toBeUndefined();
      expect(await logIns.rotate({ logIn: '1', from: 't0', to: 'x', nowMs: 11 })).toBe(false);
    });

    test('events are found by what they were about, newest first, and the oldest are pruned', async () => {
      const event = {
        parentId: null,
        user: 'admin',
        objectType: 'vm',
        objectName: null,
        error: null,
        task: '7',
        deployment: 'web',
        instance: null,
        context: { a: 1 },
      };
      const ids = [];
      for (let n = 0; n < eventsListMax + 20; n++)
        ids.push(await store.events.add({ ...event, atMs: n, action: n % 2 === 0 ? 'create' : 'delete' }));
      const newest = ids.at(-1) ?? 0;
      expect((await store.events.list({})).map((one) => one.id)).toEqual(ids.slice(-eventsListMax).reverse());
      expect(await store.events.list({ afterMs: 10, beforeMs: 13, task: '7', action: 'create' })).toMatchObject([
        { atMs: 12 },
      ]);
      expect(await store.events.list({ beforeId: ids[0] ?? 0 })).toEqual([]);
      expect(await store.events.get(newest)).toMatchObject({ context: { a: 1 }, deployment: 'web' });
      expect(await store.events.prune(5)).toBe(eventsListMax + 15);
      expect((await store.events.list({})).map((one) => one.id)).toEqual(ids.slice(-5).reverse());
    });

    async function blobs(): Promise<BlobId[]> {
      const found = [];
      for await (const blob of store.referencedBlobs()) found.push(blob);
      return found;
    }
  });
}
