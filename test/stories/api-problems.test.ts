import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type AgentId,
  type DeploymentName,
  id,
  type InstanceId,
  type StemcellCid,
  type VmCid,
} from '../../common/ids.ts';
import { givenApi } from '../support/given-api.ts';

const web = id<DeploymentName>('web');
const instance = id<InstanceId>('8f3e0a52-7d8e-4a6b-9d3f-2f1f6c0b1a11');
const agentId = id<AgentId>('agent-1');
let api: Awaited<ReturnType<typeof givenApi>>;

/** One instance, of which a scan has found that its agent is dead; tasks wait. */
beforeEach(async () => {
  api = await givenApi({ started: false });
  const { deployments, instances, problems } = api.store;
  await deployments.create(web, [], 0);
  await instances.create([
    {
      id: instance,
      deployment: web,
      group: 'apps',
      index: 0,
      az: 'z1',
      state: 'started',
      bootstrap: true,
      ignore: false,
      compilation: false,
      updateCompleted: true,
      spec: {},
    },
  ]);
  await instances.recordVm({
    agentId,
    cid: id<VmCid>('vm-1'),
    instanceId: instance,
    state: 'live',
    active: true,
    cpi: '',
    stemcell: { name: 's', version: '1', cid: id<StemcellCid>('sc'), apiVersion: 2 },
    cloudProperties: {},
    networks: {},
    env: {},
    permanentCredentials: true,
    createdAtMs: 0,
  });
  const about = { resource: instance, agentId, data: {} };
  await problems.replace(web, [{ ...about, type: 'unresponsive_agent' }], { nowMs: 0 });
});
afterEach(() => api.close());

const put = (path: string, body: unknown) => api.post(path, body, { method: 'PUT' });
const queued = async () => (await api.store.tasks.list({}))[0];

test('problems are listed as BOSH lists them, with all that may be done about each', async () => {
  expect(await api.json('/deployments/web/problems')).toEqual([
    {
      id: 1,
      type: 'unresponsive_agent',
      data: {},
      description: `VM for 'apps/${instance} (0)' with cloud ID 'vm-1' is not responding.`,
      resolutions: [
        { name: 'ignore', plan: 'Skip for now' },
        { name: 'reboot_vm', plan: 'Reboot VM' },
        { name: 'recreate_vm_without_wait', plan: 'Recreate VM without waiting for processes to start' },
        { name: 'recreate_vm', plan: 'Recreate VM and wait for processes to start' },
        { name: 'delete_vm', plan: 'Delete VM' },
        {
          name: 'delete_vm_reference',
          plan: 'Delete VM reference (forceful; may need to manually delete VM from the Cloud to avoid IP conflicts)',
        },
      ],
      instance_group: 'apps',
    },
  ]);
});

test('one whose instance is gone meanwhile can only be closed', async () => {
  await api.store.instances.forgetVm(agentId);
  await api.store.instances.delete(instance);
  expect(await api.json('/deployments/web/problems')).toMatchObject([
    {
      type: 'unresponsive_agent',
      description: expect.stringMatching(/^Problem \(unresponsive_agent .*\) is no longer valid: Instance /),
      resolutions: [{ name: 'close', plan: 'Close problem' }],
      instance_group: 'unknown job',
    },
  ]);
});

test('scans and repairs are tasks, which are told by BOSH names', async () => {
  expect((await api.post('/deployments/web/scans', null)).headers.get('location')).toBe('/tasks/1');
  expect(await queued()).toMatchObject({ type: 'cck_scan', description: 'scan cloud', deployment: 'web' });
  const chosen = { resolutions: { 1: null }, max_in_flight_overrides: { apps: '50%' } };
  expect((await put('/deployments/web/problems', chosen)).status).toBe(302);
  expect(await queued()).toMatchObject({
    type: 'cck_apply',
    description: 'apply resolutions',
    args: { deployment: 'web', resolutions: { 1: null }, maxInFlightOverrides: { apps: '50%' } },
  });
  expect((await put('/deployments/web/scan_and_fix', { jobs: { apps: [instance, 0] } })).status).toBe(302);
  expect(await queued()).toMatchObject({
    type: 'cck_scan_and_fix',
    description: 'scan and fix',
    args: { deployment: 'web', jobs: { apps: [instance, '0'] } },
  });
});

test('what cannot be meant is refused, every fault at once', async () => {
  const wrong = { resolutions: { one: 'ignore' }, max_in_flight_overrides: { apps: 'many' } };
  const refused = await put('/deployments/web/problems', wrong);
  expect(refused.status).toBe(400);
  const { description } = (await refused.json()) as { description: string };
  expect(description).toContain('resolutions.one: the key is not the id of a problem');
  expect(description).toContain('max_in_flight_overrides.apps: "many" is neither a number nor a percentage');
  expect((await put('/deployments/web/problems', { resolutions: [] })).status).toBe(400);
  expect((await put('/deployments/web/scan_and_fix', {})).status).toBe(400);
  expect((await put('/deployments/none/scan_and_fix', { jobs: {} })).status).toBe(404);
  expect(await queued()).toBeUndefined();
});

test('nothing is fixed while resurrection is paused, or where all instances are ignored', async () => {
  const fix = () => put('/deployments/web/scan_and_fix', { jobs: { apps: ['0'] } });
  await put('/resurrection', { resurrection_paused: true });
  const paused = await fix();
  expect([paused.status, await paused.json()]).toMatchObject([400, { code: 410_004 }]);
  await put('/resurrection', { resurrection_paused: false });
  await api.store.instances.update(instance, { ignore: true });
  const ignored = await fix();
  expect([ignored.status, await ignored.json()]).toMatchObject([404, { code: 70_001 }]);
  await api.store.instances.update(instance, { ignore: false });
  expect((await fix()).status).toBe(302);
});
