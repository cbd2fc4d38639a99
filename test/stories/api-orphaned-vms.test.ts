import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  id,
  type AgentId,
  type DeploymentName,
  type InstanceId,
  type StemcellCid,
  type VmCid,
} from '../../common/ids.ts';
import { givenApi } from '../support/given-api.ts';

const from = { deployment: 'web', instance: 'apps/i-1', az: 'z1' };
let api: Awaited<ReturnType<typeof givenApi>>;

/** Two VMs that were given up: the infrastructure has one of them, and never said whether it has the other. */
beforeEach(async () => {
  api = await givenApi();
  const { instances, deployments } = api.store;
  await deployments.create(id<DeploymentName>('web'), [], 0);
  const instanceId = id<InstanceId>('i-1');
  await instances.create([
    {
      id: instanceId,
      deployment: id<DeploymentName>('web'),
      group: 'apps',
      index: 0,
      az: 'z1',
      state: 'started',
      bootstrap: true,
      ignore: false,
      compilation: false,
      updateCompleted: true,
      spec: null,
    },
  ]);
  for (const [agent, cid, ip] of [
    ['known', id<VmCid>('vm-gone'), '10.0.0.2'],
    ['unknown', null, '10.0.0.3'],
  ] as const) {
    const agentId = id<AgentId>(agent);
    await instances.recordVm({
      agentId,
      cid,
      instanceId,
      state: 'creating',
      active: false,
      cpi: '',
      stemcell: { name: 's', version: '1', cid: id<StemcellCid>('sc'), apiVersion: 2 },
      cloudProperties: {},
      networks: { default: { type: 'manual', ip } },
      env: {},
      permanentCredentials: false,
      createdAtMs: 0,
    });
    await instances.orphanVm(agentId, from, 1_000);
  }
});
afterEach(() => api.close());

test('they are listed as BOSH lists them, one without a cid by its agent', async () => {
  const of = { az: 'z1', deployment_name: 'web', instance_name: 'apps/i-1', orphaned_at: '1970-01-01 00:00:01 UTC' };
  expect(await api.json('/orphaned_vms')).toEqual([
    { ...of, cid: 'vm-gone', ip_addresses: ['10.0.0.2'] },
    { ...of, cid: 'unknown', ip_addresses: ['10.0.0.3'] },
  ]);
});

test('a clean-up of all deletes those that can be deleted', async () => {
  expect(await api.json('/cleanup/dryrun')).toMatchObject({ orphaned_vms: [] });
  expect(await api.json('/cleanup/dryrun?remove_all=true')).toMatchObject({ orphaned_vms: [{ cid: 'vm-gone' }] });
  const cleaned = await api.ended(await api.post('/cleanup', { config: { remove_all: true } }));
  expect(cleaned).toMatchObject({ state: 'done', result: expect.stringContaining('1 orphaned vm(s)') });
  expect((await api.store.instances.orphanedVms()).map(({ agentId }) => agentId)).toEqual(['unknown']);
});

test('delete-vm says that one which nobody can delete is gone', async () => {
  const removed = await api.ended(await api.fetch('/vms/unknown', { method: 'DELETE' }));
  expect(removed).toMatchObject({ state: 'done', description: 'delete vm unknown', result: 'vm unknown deleted' });
  expect((await api.store.instances.orphanedVms()).map(({ cid }) => cid)).toEqual(['vm-gone']);
  expect(await api.store.events.list({ objectType: 'vm' })).toMatchObject([
    { action: 'delete', objectName: 'unknown' },
  ]);
});
